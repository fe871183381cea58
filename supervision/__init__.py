"""What happens when an actor fails: specs, policies, decisions, supervisors, the tree."""
