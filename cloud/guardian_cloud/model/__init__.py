"""Values and rules without input or output: roles, errors, the audit chain."""
