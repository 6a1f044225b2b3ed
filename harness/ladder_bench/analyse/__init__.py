"""Analysis: tables become numbers, each with its interval and the number of conversations behind it."""
