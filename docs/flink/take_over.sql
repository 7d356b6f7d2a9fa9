-- A Flink SQL job in front of the workbench: it reads the topic `events`, leaves out what came twice or breaks the
-- contract, counts, and writes topics that the workbench and its tables read. Not run by this project's tests: they
-- hold its columns to the contracts of qa_lib.sources.stream and let sqlglot read its queries.

-- the topic in: one JSON object an event, as `qa stream run` takes it
CREATE TABLE events (
  event_id STRING,
  event STRING,
  person_id STRING,
  occurred_at TIMESTAMP_LTZ(6),
  properties ROW<
    item_id STRING,
    order_id STRING,
    store_id STRING,
    quantity BIGINT,
    paid_amount DECIMAL(18, 2),
    retail_discount_amount DECIMAL(18, 2),
    coupon_discount_amount DECIMAL(18, 2),
    coupon_match_amount DECIMAL(18, 2),
    keyword STRING,
    channel STRING,
    creative_id STRING
  >,
  sent_at DOUBLE,
  arrived_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  seen_at AS PROCTIME()
) WITH (
  'connector' = 'kafka',
  'topic' = 'events',
  'properties.bootstrap.servers' = 'broker:9092',
  'properties.group.id' = 'flink-clean',
  'scan.startup.mode' = 'group-offsets',
  'properties.auto.offset.reset' = 'earliest',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'json.ignore-parse-errors' = 'true'
);

-- the topic out: the same contract, each event once; `qa stream run --log kafka --topic events_clean` reads it
CREATE TABLE events_clean (
  event_id STRING,
  event STRING,
  person_id STRING,
  occurred_at TIMESTAMP_LTZ(6),
  properties ROW<
    item_id STRING,
    order_id STRING,
    store_id STRING,
    quantity BIGINT,
    paid_amount DECIMAL(18, 2),
    retail_discount_amount DECIMAL(18, 2),
    coupon_discount_amount DECIMAL(18, 2),
    coupon_match_amount DECIMAL(18, 2),
    keyword STRING,
    channel STRING,
    creative_id STRING
  >,
  sent_at DOUBLE
) WITH (
  'connector' = 'kafka',
  'topic' = 'events_clean',
  'properties.bootstrap.servers' = 'broker:9092',
  'properties.group.id' = 'flink-counters',
  'scan.startup.mode' = 'group-offsets',
  'properties.auto.offset.reset' = 'earliest',
  'key.format' = 'raw',
  'key.fields' = 'person_id',
  'value.format' = 'json',
  'value.json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'qa-clean'
);

-- counters of a person and a kind of event since the job began, the latest of each key kept
CREATE TABLE person_counters (
  person_id STRING,
  event STRING,
  event_count BIGINT,
  last_at TIMESTAMP_LTZ(6),
  PRIMARY KEY (person_id, event) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'person_counters',
  'properties.bootstrap.servers' = 'broker:9092',
  'key.format' = 'json',
  'value.format' = 'json'
);

-- an id is remembered for seven days, as here; by the order of processing, so that nothing is ever taken back
SET 'table.exec.state.ttl' = '7 d';

INSERT INTO events_clean
SELECT event_id, event, person_id, occurred_at, properties, sent_at
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY seen_at) AS place
  FROM events
  WHERE event IN ('browse', 'cart', 'purchase', 'search', 'favourite', 'login', 'share', 'expose', 'click')
    AND CHAR_LENGTH(event_id) BETWEEN 1 AND 200
    AND CHAR_LENGTH(person_id) BETWEEN 1 AND 200
    AND occurred_at <= arrived_at + INTERVAL '5' MINUTE
) AS each_event
WHERE place = 1;

-- a count is kept for good
SET 'table.exec.state.ttl' = '0 d';

INSERT INTO person_counters
SELECT person_id, event, COUNT(*) AS event_count, MAX(occurred_at) AS last_at
FROM events_clean
GROUP BY person_id, event;
