"""Labels, metrics, champion against challengers, gate, drift."""
