"""An estate of many services for a mock cloud, with the relations that real ones have."""
