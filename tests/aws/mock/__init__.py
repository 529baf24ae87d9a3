"""A cloud made of shapes: answers every AWS operation from its published description."""
