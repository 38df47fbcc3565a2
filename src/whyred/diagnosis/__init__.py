"""Match (patterns -> failures), judge (causes x evidence -> findings), rank (-> verdict). Pure."""
