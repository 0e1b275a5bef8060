-- Question: what did the student at a milestone train on? Grain: one training example of one
-- milestone of one campaign.
create table if not exists milestone_qa (
  campaign varchar not null,
  milestone varchar not null, -- share of the corpus, as the settings write it: 2.5%
  qa_id varchar not null,
  primary key (campaign, milestone, qa_id)
)
