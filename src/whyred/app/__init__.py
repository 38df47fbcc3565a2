"""The use-cases: the only wiring between the rooms, and the one loop."""
