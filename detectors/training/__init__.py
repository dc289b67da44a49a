"""Training: the checked-in recipes behind the weights of our own, one module per detector."""
