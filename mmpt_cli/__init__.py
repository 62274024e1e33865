"""Commands: the launcher, evaluation, validation and data tools. Nothing in mmpt imports this package."""
