-- Effect: fill an empty warehouse with getvariable('n') documents, as many pairs and two campaigns,
-- each of which asked for 60% of the documents in 100 rounds. Seven of ten documents give one or two
-- pairs, two none, one in twenty fails; every tenth pair is removed from the data sets.
insert into documents by name
select
  sha256(i::varchar)[:16] as document_id,
  sha256(i::varchar) as content_hash,
  repeat(sha256(i::varchar) || ' ', 6) as text,
  390 as n_characters,
  'source-' || i % 200 as source,
  'corpus-' || i // 10000 || '.jsonl.zst' as file,
  i % 10000 + 1 as row,
  'https://example.org/' || i as url,
  'CC-BY-4.0' as license,
  '{"title": "Title ' || i || '"}' as metadata,
  '[]' as qa_pairs,
  1 as n_copies
from range(getvariable('n')) as numbers(i);

insert into clusters by name
select
  sha256(i::varchar)[:16] as document_id,
  hash(i) % 1000 as cluster,
  (hash(i) % 997) / 997 as distance
from range(getvariable('n')) as numbers(i);

insert into cluster_geometry by name
select
  cluster,
  count(*) as n_documents,
  min(document_id) as medoid_document_id,
  0.5 as spread,
  ['numpy'] as terms,
  [0.0] as centroid,
  0.0 as x,
  0.0 as y,
  [0] as neighbors,
  [0.0] as neighbor_distances
from clusters
group by cluster;

insert into extractors (extractor, backend, version, model, settings)
values ('e0', 'openai', 1, 'Qwen2.5-72B-Instruct', '{"prompts": {"extract": "Ask. $document"}}');

insert into extractions by name
select
  sha256(i::varchar) as content_hash,
  'e0' as extractor,
  case when i % 10 < 7 then 'pairs' when i % 20 = 19 then 'failed' else 'no pairs' end as status,
  case when i % 20 = 19 then 'no JSON in the reply' end as reason,
  case when i % 10 < 4 then 1 when i % 10 < 7 then 2 else 0 end as n_pairs,
  case when i % 10 = 7 then 1 else 0 end as n_rejected,
  500 + i % 300 as prompt_tokens,
  50 + i % 100 as completion_tokens,
  500 + i % 300 as paid_prompt_tokens,
  50 + i % 100 as paid_completion_tokens,
  0.0005 as cost,
  0.0005 as paid_cost,
  1 as n_requests,
  1 as n_tries,
  1.5 as request_seconds,
  1.5 as seconds,
  'equal|round-001' as first_asked_by,
  now() as extracted_at
from range(getvariable('n')) as numbers(i);

insert into extracted_qa by name
select
  sha256(i || ' ' || position)[:16] as qa_id,
  sha256(i::varchar) as content_hash,
  'e0' as extractor,
  position,
  'What is the ' || position || 'th thing about ' || i || '?' as question,
  repeat('It is ' || i || '. ', 12) as answer
from range(getvariable('n')) as numbers(i)
cross join range(2) as positions(position)
where i % 10 < 7
  and position < case when i % 10 < 4 then 1 else 2 end;

insert into rejected_qa by name
select
  sha256(i::varchar) as content_hash,
  'e0' as extractor,
  0 as position,
  'Why?' as question,
  'Because.' as answer,
  'answer too short: ' || i % 9 as reason
from range(getvariable('n')) as numbers(i)
where i % 10 = 7;

insert into bandit_documents by name
select
  campaign,
  document_id,
  round,
  dense_rank() over (partition by campaign, round order by cluster) - 1 as pull,
  cluster,
  content_hash,
  'e0' as extractor,
  status
from (
  select
    campaign,
    i,
    sha256(i::varchar)[:16] as document_id,
    sha256(i::varchar) as content_hash,
    hash(i) % 1000 as cluster,
    (abs(i - first_document) * 100) // (0.6 * getvariable('n'))::bigint + 1 as round,
    case when i % 10 < 7 then 'pairs' when i % 20 = 19 then 'failed' else 'no pairs' end as status
  from range(getvariable('n')) as numbers(i)
  cross join (values ('equal', 0), ('random', getvariable('n') - 1)) as campaigns(campaign, first_document)
  where abs(i - first_document) < 0.6 * getvariable('n')
);

insert into bandit_round by name
select
  campaign,
  round,
  pull,
  any_value(cluster) as cluster,
  count(*) as n_documents,
  sum(n_pairs) as n_pairs,
  count(*) filter (where extractions.status = 'failed') as n_failed,
  0.5 as mean_reward,
  0.1 as exploration_bonus,
  0.6 as ucb_score,
  sum(n_pairs) as arm_pairs,
  -0.3 - (hash(any_value(cluster), round) % 100) / 1000 as reward,
  sum(prompt_tokens) as prompt_tokens,
  sum(completion_tokens) as completion_tokens,
  sum(paid_prompt_tokens) as paid_prompt_tokens,
  sum(paid_completion_tokens) as paid_completion_tokens,
  sum(cost) as cost,
  sum(paid_cost) as paid_cost,
  0 as n_cached,
  sum(n_rejected) as n_rejected,
  count(*) as n_requests,
  count(*) as n_tries,
  sum(request_seconds) as request_seconds
from bandit_documents
join extractions using (content_hash, extractor)
group by campaign, round, pull;

insert into rounds by name
select
  campaign,
  round,
  sum(sum(n_pairs)) over (partition by campaign order by round) as pool_pairs,
  0.5 - round / 1000 as pool_ot_cost,
  60.0 as seconds,
  50.0 as extraction_seconds,
  5.0 as embedding_seconds,
  5.0 as selection_seconds
from bandit_round
group by campaign, round;

insert into campaign_settings (campaign, fingerprint, settings)
values
  ('equal', 'f0', '{"settings": {"campaign": {"strategy": "equal", "target": "gsm8k"}}}'),
  ('random', 'f1', '{"settings": {"campaign": {"strategy": "random", "target": "gsm8k"}}}');

insert into qa_dataset by name
select
  campaign,
  qa_id,
  question,
  answer,
  document_id,
  source,
  license,
  cluster,
  round,
  pull,
  extractor
from bandit_documents
join documents using (document_id, content_hash)
join extracted_qa using (content_hash, extractor)
where hash(qa_id) % 10 > 0;

insert into removed_qa by name
select
  campaign,
  qa_id,
  'overlaps a test question' as reason,
  'test:' || hash(qa_id) % 500 as collided_with,
  0.97 as similarity,
  question,
  answer
from bandit_documents
join extracted_qa using (content_hash, extractor)
where hash(qa_id) % 10 = 0;

insert into fine_tuned_student by name
select
  campaign,
  'p' as path,
  'b' as base_path,
  md5(campaign) as mlflow_run_id,
  'm' as mlflow_model_id,
  count(*) as n_examples,
  1000 as n_tokens,
  8000000000 as n_parameters,
  1e18 as flops,
  2.0 as loss_first,
  1.0 as loss_last,
  3600.0 as seconds
from qa_dataset
group by campaign;

insert into student_accuracy by name
select
  campaign,
  metric,
  0.30 as base,
  0.25 as base_low,
  0.35 as base_high,
  0.60 as tuned,
  0.55 as tuned_low,
  0.65 as tuned_high,
  1319 as n_questions
from campaign_settings
cross join (values ('perplexity'), ('number_flexible')) as metrics(metric);

insert into accuracy_over_budget by name
select
  campaign,
  share || '%' as milestone,
  'number_flexible' as metric,
  share as round,
  share * getvariable('n') // 100 as documents,
  1000 * share as n_examples,
  0.5 as value,
  0.4 as value_low,
  0.6 as value_high,
  1e18 as training_flops,
  md5(campaign) as mlflow_run_id,
  'x' as made_as
from campaign_settings
cross join (values (5), (20)) as shares(share);
