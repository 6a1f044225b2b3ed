"""The self-test of a judge: which planted flaws it sees, and how often it cries wolf over their clean twins."""
