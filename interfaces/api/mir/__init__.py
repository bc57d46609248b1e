"""The MIR family: what partners call, under /v1 and without it."""
