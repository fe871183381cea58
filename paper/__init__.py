"""The paper venues: a small real exchange in a process of its own that speaks both protocols."""
