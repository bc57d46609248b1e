-- The table of a fold's rows, and beside it that of its snapshots, anew if a former one left it.
-- Room is left on each page, so that a row changes in place.
create table {rows} partition of state for values in ({fold}) with (fillfactor = 80);
drop table if exists {snapshots};
create table {snapshots} partition of snapshot for values in ({fold})
