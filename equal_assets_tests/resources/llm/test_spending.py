import pytest

from equal_assets.resources.llm.spending import Allowance, Amount, Cap, Prices, payer_name


def tokens(limit, *, scope="campaign", used=0):
    return Cap("campaigns.a.budget_tokens", scope, "tokens", limit, used)


def test_price_is_per_million_tokens():
    assert Prices(2.0, 8.0).amount(500_000, 250_000) == Amount(750_000, 3.0)


def test_without_caps_everything_may_be_held():
    assert Allowance().hold(Amount(10**12, 1e9))


def test_what_is_held_counts_until_it_is_released():
    allowance = Allowance([tokens(100)])
    assert allowance.hold(Amount(60))
    assert not allowance.hold(Amount(41))
    allowance.release(Amount(60))
    assert allowance.hold(Amount(41))


def test_limit_itself_may_be_reached():
    assert Allowance([tokens(100, used=40)]).hold(Amount(60))
    assert not Allowance([tokens(100, used=41)]).hold(Amount(60))


def test_refused_amount_is_not_held():
    allowance = Allowance([tokens(100)])
    allowance.hold(Amount(101))
    assert allowance.held == Amount()


def test_campaign_counts_what_it_asks_for_and_run_what_it_pays():
    allowance = Allowance([tokens(100), tokens(50, scope="run")])
    allowance.asked += Amount(90)  # answered before: nothing was paid
    assert allowance.exceeded_by(Amount(10)) is None
    assert allowance.exceeded_by(Amount(11)).scope == "campaign"
    allowance.asked, allowance.paid = Amount(45), Amount(45)
    assert allowance.exceeded_by(Amount(6)).scope == "run"
    assert allowance.exceeded_by(Amount(6), scope="campaign") is None


def test_money_is_capped_apart_from_tokens():
    allowance = Allowance([Cap("extractor.run_cost", "run", "cost", 1.0)])
    assert allowance.hold(Amount(10**9, 0.9))
    assert not allowance.hold(Amount(1, 0.2))


@pytest.mark.parametrize(
    ("payer", "name"), [("warm-up", "warm-up"), ("a|round-001", "a"), ("a|retry", "a")]
)
def test_payer_is_named_without_its_round(payer, name):
    assert payer_name(payer) == name
