"""Anonymous figures over the people of the last minutes: no clock, no connection, nobody's name."""
