"""What is done around runs: sources, champions, garbage, offline checks of SQL, deployment, doctor."""
