-- name: listen
-- Be told of whatever is written.
listen log
