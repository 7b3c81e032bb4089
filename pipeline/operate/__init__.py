"""Operations around runs: sources, champions, garbage collection, offline checks of SQL, deployment, doctor."""
