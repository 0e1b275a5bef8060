-- Question: under which settings was a campaign started? Grain: one campaign.
create table if not exists campaign_settings (
  campaign varchar primary key,
  fingerprint varchar not null,
  settings varchar not null, -- JSON: settings and versions that the campaign is based on
  started_at timestamp with time zone not null default current_timestamp
)
