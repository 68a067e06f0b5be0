"""The release's step in plain tensors, and what a change of it does."""
import pytest
from check_step import build_model, check_step, narrow_config


def failed(**kwargs) -> set[str]:
    """Return the names of the rows that fail."""
    return {row.array for row in check_step(**kwargs)
            if row.verdict != 'pass'}


def test_two_steps_are_those_of_the_plain_transcription():
    rows = check_step()
    assert {row.array: (row.what, row.max_rel) for row in rows
            if row.verdict != 'pass'} == {}
    named = {row.array for row in rows}
    assert len(named) == len(rows) == 2 * 8 + 9 + 2 + 6
    assert {'step1.sal', 'frozen', 'backbone', 'roi2'} <= named


@pytest.mark.parametrize(('change', 'rows'), [
    ({'model.decode_head.losses.sal.refined': False}, {'step0.sal'}),
    ({'model.decode_head.losses.ecr.skip_first': False}, {'step0.ecr'}),
    ({'model.decode_head.embeddings.region.norm_cfg.requires_grad': True},
     {'frozen'}),
    ({'optim_wrapper.paramwise_cfg.custom_keys': {
        '_delete_': True, 'decode_head': {'lr_mult': 10.}}},
     {'decode_head.embeddings.region.3.weight',
      'decode_head.embeddings.region.3.bias'}),
])
def test_a_change_of_the_recipe_is_noticed(change, rows):
    assert rows <= failed(steps=1, change=change)


def test_weights_begin_as_those_of_the_release():
    """Xavier of classifier and embeddings, Kaiming of PCM's reductions."""
    head = build_model(narrow_config()).decode_head
    for conv in (head.classifier, head.embeddings['pixel'][0],
                 head.embeddings['region'][0]):
        area = conv.weight[0, 0].numel()
        wide = (6 / (conv.in_channels + conv.out_channels) / area)**0.5
        assert conv.weight.abs().max().item() == pytest.approx(wide, rel=1e-2)
    for conv in head.refiner.reduce:
        wide = (2 / conv.in_channels)**0.5
        assert conv.weight.std().item() == pytest.approx(wide, rel=0.1)
