"""Questions put to a host: one file per probe, with the constant `PROBE`; see `whyred.model.probe.Probe`."""
