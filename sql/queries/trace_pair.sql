-- Question: where does one QA pair come from, and what became of it in each campaign? Grain: one
-- campaign that requested its document, or one row without campaign.
-- Inputs: the view qa_lineage; extracted_qa, target_qa; $qa_id.
select
  qa_lineage.*,
  coalesce(kept.question, target_qa.question) as collided_question
from qa_lineage
left join extracted_qa as kept
  on kept.qa_id = qa_lineage.collided_with
left join target_qa
  on target_qa.campaign = qa_lineage.campaign
  and target_qa.split || ':' || target_qa.position = qa_lineage.collided_with
where qa_lineage.qa_id = $qa_id
order by qa_lineage.campaign
