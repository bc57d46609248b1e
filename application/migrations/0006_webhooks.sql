-- Webhooks: which there are as of the last entry read, what each is to be told, and how that went.
-- Of one webhook, whoever changes what is here locks its row first.

-- `turn_at` is when it may be sent to next, null when nothing is due. Who was just sent to stands
-- behind all who wait.

create table webhook_turn (
    webhook_id text collate "C" primary key,
    tenant text collate "C" not null,
    listener text collate "C" not null,
    topics text[] not null,
    turn_at timestamptz(3)
);

create index webhook_turn_by_listener on webhook_turn (listener);
create index webhook_turn_by_tenant on webhook_turn (tenant);
create index webhook_turn_by_turn on webhook_turn (turn_at) where turn_at is not null;


-- What a webhook is told of one entry, at `position`. `due_at` is null once it was delivered or
-- given up; `tries` are those since `begun_at`, `attempts` all.

create table webhook_delivery (
    delivery_id text collate "C" primary key,
    webhook_id text collate "C" not null,
    topic text collate "C" not null,
    position bigint not null,
    happened_at timestamptz(3) not null,
    begun_at timestamptz(3) not null,
    due_at timestamptz(3),
    tries integer not null default 0,
    attempts integer not null default 0,
    status text collate "C" not null default 'PENDING'
        check (status in ('PENDING', 'DELIVERED', 'GIVEN_UP'))
);

create index webhook_delivery_due on webhook_delivery (webhook_id, due_at) where due_at is not null;
create index webhook_delivery_oldest_due on webhook_delivery (due_at) where due_at is not null;
create index webhook_delivery_by_webhook on webhook_delivery (webhook_id, position);
create index webhook_delivery_by_begin on webhook_delivery (begun_at) where due_at is null;


-- Each time that something was sent: what was answered, or why nothing was.

create table webhook_attempt (
    delivery_id text collate "C" not null
        references webhook_delivery on delete cascade,
    number integer not null,
    webhook_id text collate "C" not null,
    at timestamptz(3) not null,
    milliseconds integer not null,
    status smallint,
    error text,
    primary key (delivery_id, number)
);

create index webhook_attempt_by_webhook on webhook_attempt (webhook_id, at, delivery_id);


-- Drops what was delivered or given up a month ago, with its attempts.

create function webhook_housekeep() returns void
language sql as $$
    delete from webhook_delivery where due_at is null and begun_at < now() - interval '30 days'
$$;


grant select, insert, update, delete on webhook_turn, webhook_delivery, webhook_attempt
    to tenure_writer;
