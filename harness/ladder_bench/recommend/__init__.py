"""The recommendation: the cheapest strategy that respects a policy's floors and limits, or why none does.

`recommend --json`, where E is an estimate {"value", "low", "high", "n", "unscored", "why"} with a 95 % interval:
{"schema", "dataset", "mode", "simulated", "banners", "base": whom dollars are compared with, "conversations",
 "units": conversations | clusters (users, of whom some have several: what n counts), "clusters": users or null,
 "policy": {"file", "conversations_per_month", "weighted", "segments": [{"name", "n", "share"}], "unresolved_cost_usd",
  "unresolved_declared", "high_stakes_tag", "controls"},
 "outcome": found | none (each violates something) | undecided, "choice": name or null,
 "as_cheap": names that hold and are not shown to cost more, "cheaper_undecided": names, "cheapest_effective": name,
 "strategies": [{"name", "controls", "status": holds | violates | undecided, "reasons", "p_not_met", "needed_n",
  "needed_n_above": null or 1000000, where needed_n would be more,
  "constraints": [{"name", "kind": share | rate | difference, "at_least": bool, "limit", "against",
   "outcome": met | violated | undecided, "value", "low", "high": one-sided 95 % bounds, "n", "unscored", "needed_n",
   "needed_n_above", "why"}],
  "quality": E, "resolved": E, "usd_month": E, "saving_usd_month": E, "effective_usd_month": E}],
 "left_out": [{"name", "why"}], "naive": {"choice", "usd_month": E, "quality": E, "resolved": E},
 "cross_fitted": {"choices": [on one half, on the other], "usd_month": E, "quality": E, "resolved": E, "why",
  "by_luck": whether the halves choose differently, or others are not shown to cost more: then intervals are wider},
 "by_segment": null or {"rows": [{"segment", "n", "share", "choice", "applied", "usd_month": E, "why"}],
  "gain": {"usd_month": E, "quality": E, "resolved": E, "choices", "too_small", "why"}}}
"""
