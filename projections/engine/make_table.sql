-- Room is left on each page, so that a row changes in place.
create table {table} partition of state for values in ({fold}) with (fillfactor = 80)
