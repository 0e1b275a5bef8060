"""How many pairs of a campaign its data set would keep, where its budget is stated in pairs."""

from equal_assets.steps.pair_removal import split_pairs
from equal_assets.steps.round_player import RoundPlayer

COUNTED_AGAIN = 1.1
"""Times the near pairs of the last count after which pairs are counted again, for people."""


def has_enough(player: RoundPlayer, number: int) -> bool:
    """Count the accepted pairs after a stored round; end the campaign there if they are enough.

    Counted is what `qa_dataset` keeps, by its own rules. They cannot be enough before as many
    pairs are near the target, so most rounds are not counted. A process that was killed before it
    had counted leaves that to the next one, which does so before it asks for more documents.
    """
    wanted = player.campaign.budget_pairs
    if wanted is None or number == 0:
        return False
    progress = player.warehouse.query("accepted_pairs", campaign=player.name).row(0, named=True)
    n_near, is_last = player.coverage.n_near, progress["ended_by"] is not None
    is_due = n_near >= min(wanted, COUNTED_AGAIN * (progress["near_pairs"] or 0))
    if progress["round"] == number or not (is_due or is_last):
        return False
    split = split_pairs(
        player.warehouse,
        player.embedder,
        player.settings,
        player.engine,
        campaign=player.name,
        kernel=player.coverage.coverage.kernel,
    )
    accepted = len(split.kept)
    reached = accepted >= wanted
    because = f"budget_pairs = {wanted:,} is reached" if reached else None
    if is_last and not reached:
        because = f"{progress['ended_because']}, with {accepted:,} of budget_pairs = {wanted:,}"
    with player.warehouse.transaction() as transaction:
        transaction.execute(
            "count_accepted",
            campaign=player.name,
            round=number,
            accepted=accepted,
            ended_by="budget" if reached else None,
            because=because,
        )
    return reached
