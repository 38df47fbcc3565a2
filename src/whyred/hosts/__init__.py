"""Ways to ask a machine: one file per way, each fulfils `whyred.model.host.Host`."""
