"""Built from solutions/: the reference answers, one module per lesson, and the index of all exercises."""
