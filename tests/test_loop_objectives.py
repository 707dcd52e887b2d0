"""Hand-written loops that train on preferences or rewards: the policy for answers does not apply to them."""

from __future__ import annotations

import pytest

from nl2sql_review.training_plan.values import Known, Unknown

from .test_reading_kinds import plan_of, shown

LOOP = """\
import torch.nn.functional as F
policy = get_peft_model(AutoModelForCausalLM.from_pretrained("gpt2"), LoraConfig(r=16))
ref = AutoModelForCausalLM.from_pretrained("gpt2")
optimizer = torch.optim.AdamW(policy.parameters(), lr=5e-6)
loader = DataLoader(torch.load("rows.pt"), batch_size=4, shuffle=True)

def scores(model, ids):
    words = F.log_softmax(model(ids).logits[:, :-1], dim=-1)
    return words.gather(2, ids[:, 1:].unsqueeze(2)).squeeze(2)

{functions}
for batch in loader:
    {before}
    loss = {loss}
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""
GAIN = "gain = scores(policy, batch['yes']).sum(-1) - scores(policy, batch['no']).sum(-1)"
PAIRS = GAIN + "; base = scores(ref, batch['yes']).sum(-1) - scores(ref, batch['no']).sum(-1)"
SAMPLES = "ids = policy.generate(batch['ids'], num_return_sequences=8); worth = torch.tensor(judge(ids))"
NORMED = "(worth - worth.mean()) / (worth.std() + 1e-4)"
RATIO = "torch.exp(scores(policy, ids) - scores(policy, ids).detach())"


def plan(loss, before="pass", functions=""):
    return plan_of(LOOP.format(loss=loss, before=before, functions=functions))


@pytest.mark.parametrize(
    ("loss", "before", "said"),
    [
        ("-F.logsigmoid(0.1 * (gain - base)).mean()", PAIRS, "log-sigmoid"),
        ("torch.mean(-torch.nn.LogSigmoid()(gain))", GAIN, "log-sigmoid"),
        (f"-({NORMED} * scores(policy, ids).sum(-1)).mean()", SAMPLES, "reward"),
        (f"-torch.min({RATIO} * worth, {RATIO}.clamp(0.8, 1.2) * worth).mean()", SAMPLES, "reward"),
    ],
)
def test_policy_for_answers_does_not_apply_to_preferences_and_rewards(loss, before, said):
    made = plan(loss, before)
    for name in ("arguments.learning_rate", "arguments.warmup", "prompt.ending", "prompt.loss_on"):
        assert said in made[name].why_not


@pytest.mark.parametrize(
    ("loss", "before"),
    [
        ("policy(batch['ids'], labels=batch['ids']).loss", "pass"),
        ("F.cross_entropy(policy(batch['ids']).logits.flatten(0, 1), batch['labels'].flatten())", "pass"),
        # Another model's texts are answers, too.
        ("policy(ids, labels=ids).loss", "ids = ref.generate(batch['ids'])"),
        # A softmax is no ratio of two policies.
        ("-scores(policy, batch['ids']).mean() * torch.exp(batch['ids'] - batch['ids'].max()).sum()", "pass"),
    ],
)
def test_loop_over_answers_is_judged_as_one(loss, before):
    made = plan(loss, before)
    assert shown(made["arguments.learning_rate"].value) == 5e-6 and not made["arguments.learning_rate"].why_not
    assert shown(made["arguments.effective_batch"].value) == 4


def test_step_of_sampled_texts_is_not_counted_in_rows():
    assert isinstance(
        plan(f"-({NORMED} * scores(policy, ids)).mean()", SAMPLES)["arguments.effective_batch"].value, Unknown
    )
    pairs = plan("-F.logsigmoid(gain).mean()", GAIN)
    assert shown(pairs["arguments.effective_batch"].value) == 4


@pytest.mark.parametrize(
    ("loss", "before", "functions", "known"),
    [
        (
            "objective(policy, batch, advantages)",
            "advantages = judge(batch)",
            "from elsewhere import objective, judge",
            False,
        ),
        ("objective(policy, batch)", "pass", "from elsewhere import objective", True),
        # The words alone say nothing where the loss is read.
        ("policy(**batch).loss", "advantages = 1", "", True),
        ("policy(**batch).loss - 0.1 * F.logsigmoid(gain).mean()", GAIN, "", None),
        (f"policy(ids, labels=ids).loss * {NORMED}", SAMPLES, "", False),
    ],
)
def test_loss_that_is_not_read_leaves_the_policy_unknown(loss, before, functions, known):
    fact = plan(loss, before, functions)["arguments.learning_rate"]
    if known is None:
        assert "log-sigmoid" in fact.why_not
    else:
        assert isinstance(fact.value, Known if known else Unknown) and not fact.why_not


def test_method_is_known_by_its_name_where_the_expression_is_cut():
    long = " + ".join(f"scores(policy, batch['{'c' * 40}{i}']).sum(-1)" for i in range(12))
    made = plan(f"-(({long}) * {NORMED}).sum(-1).mean()", SAMPLES)
    assert "reward" in made["arguments.learning_rate"].why_not


OWN = """\
from transformers import Trainer
class Own(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        {loss}
        return loss
    {method}
model = get_peft_model(AutoModelForCausalLM.from_pretrained("gpt2"), LoraConfig(r=16))
rows = load_dataset("json", data_files="t.jsonl", split="train")
Own(model=model, args=TrainingArguments(output_dir="o", learning_rate=5e-6), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("loss", "method", "rate", "why"),
    [
        ("loss = model(**inputs).loss", "", 5e-6, ""),
        ("loss = model(**inputs).loss - torch.nn.functional.logsigmoid(gain(model, inputs))", "", 5e-6, "log-sigmoid"),
        (
            "loss = self.gain(model, inputs)",
            "def gain(self, *given): return F.logsigmoid(given[0])",
            5e-6,
            "log-sigmoid",
        ),
        ("loss = model(**inputs).loss * inputs['advantages']", "", "unknown", ""),
    ],
)
def test_own_loss_of_a_trainer_tells_its_objective(loss, method, rate, why):
    made = plan_of(OWN.format(loss=loss, method=method))
    fact = made["arguments.learning_rate"]
    assert shown(fact.value) == rate and why in fact.why_not and bool(fact.why_not) == bool(why)
    assert (why in made["prompt.loss_on"].why_not) if why else not made["prompt.loss_on"].why_not
