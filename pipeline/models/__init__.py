"""The interface of a model class, its bundle, and how a bundle is fetched and verified."""
