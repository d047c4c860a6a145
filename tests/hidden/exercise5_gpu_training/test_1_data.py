"""Data: points near a plane, standardised features, batches, folds. None of it has to do with devices."""

import torch

from grader.suite import devices, expect_close, expect_equal, expect_tuple, needs, points

from .draws import expect_normal, expect_unrelated
from .loops import normal, probe_of

FEATURES = 3
LINE = "test_points_without_noise_lie_on_the_plane"
BATCHES = "test_each_epoch_hands_out_every_row_once_with_its_target"
FOLDS = "test_each_row_is_held_out_once_and_trained_on_in_all_other_folds"


# --- linear_data ----------------------------------------------------------------------------------------------------


@devices("cpu")
@points(1)
def test_points_without_noise_lie_on_the_plane(submission, guest, rng):
    """linear_data: t = x w + b, one column, in the dtype of w.

    zh_CN: linear_data：t = x w + b，一列，dtype 与 w 相同。
    """
    generator = probe_of(guest).generator(5)
    for dtype in (torch.float64, torch.float32):
        w = normal(rng, FEATURES, dtype=dtype)
        x, t = expect_tuple(submission.linear_data(w, 4.2, 17, generator, 0.0), 2, "x, t")
        form = [list(x.shape), str(x.dtype)]
        expect_equal(form, [[17, FEATURES], str(dtype)], label="shape and dtype of x")
        expect_close(t, (x @ w + 4.2).reshape(17, 1), label=f"t without noise, {dtype}".replace("torch.", ""))


@devices("cpu")
@points(1)
@needs(LINE)
def test_features_and_noise_are_normal(submission, guest, rng):
    """linear_data: x ~ N(0, 1), noise of the asked-for spread.

    zh_CN: linear_data：x ~ N(0, 1)，噪声的标准差如所要求。
    """
    w, count = normal(rng, FEATURES), 8000
    for noise in (0.5, 2.0):
        x, t = expect_tuple(submission.linear_data(w, 4.2, count, probe_of(guest).generator(5), noise), 2, "x, t")
        expect_equal([list(x.shape), list(t.shape)], [[count, FEATURES], [count, 1]], label="shapes of x and t")
        off = t - (x @ w + 4.2).reshape(count, 1)
        expect_normal(x, 1.0, "the features")
        expect_normal(off, noise, f"the noise, noise={noise}")
        expect_unrelated(torch.cat([x, off], dim=1), "features and noise")


@devices("cpu")
@points(1)
@needs(LINE)
def test_the_noise_that_nobody_asked_for_is_a_hundredth(submission, guest, rng):
    """linear_data without `noise`: standard deviation 0.01.

    zh_CN: linear_data 不给 `noise`：标准差为 0.01。
    """
    w, count = normal(rng, FEATURES), 4000
    x, t = expect_tuple(submission.linear_data(w, -1.5, count, probe_of(guest).generator(5)), 2, "x, t")
    expect_normal(t - (x @ w - 1.5).reshape(count, 1), 0.01, "the noise")


@devices("cpu")
@points(1)
@needs(LINE)
def test_data_are_drawn_from_the_generator(submission, guest, rng):
    """linear_data: the generator decides, no other seed does.

    zh_CN: linear_data：由生成器决定，与别的随机种子无关。
    """
    probe, w = probe_of(guest), normal(rng, FEATURES)

    def drawn(seed, own):
        probe.reseed(own)
        before = probe.random_state()
        data = expect_tuple(submission.linear_data(w, 4.2, 11, probe.generator(seed)), 2, "x, t")
        expect_equal(probe.random_state(), before, label="torch's own random state after linear_data")
        return data

    first, again, other = drawn(5, 1), drawn(5, 2), drawn(6, 1)
    for name, one, same, different in zip("xt", first, again, other, strict=True):
        expect_equal(same, one, label=f"{name} for the same seed once more")
        expect_equal(bool((one == different).any()), False, label=f"whether {name} is the same for another seed")


# --- standardise ----------------------------------------------------------------------------------------------------


def standardised(train, part):
    """Return a set by the statistics of another one."""
    return (part - train.mean(0)) / train.std(0, correction=0)


def sets(rng):
    """Return three sets of different sizes, means and spreads; the first is to train on."""
    scale, shift = torch.tensor([3.0, 0.2, 40.0]).double(), torch.tensor([-2.0, 10.0, 0.5]).double()
    train = normal(rng, 9, 3) * scale + shift
    return train, normal(rng, 4, 3) * 2 * scale, normal(rng, 6, 3) - 5 * shift


@devices("cpu")
@points(1)
def test_the_training_set_gets_mean_0_and_spread_1(submission, rng):
    """standardise(train): mean 0, variance 1, divided by the rows.

    zh_CN: standardise(train)：均值 0，方差 1，除以行数。
    """
    train, *_ = sets(rng)
    (received,) = expect_tuple(submission.standardise(train), 1, "standardise(train)")
    expect_close(received, standardised(train, train), label="train")


@devices("cpu")
@points(1)
def test_other_sets_are_measured_by_the_training_set(submission, rng):
    """standardise: other sets by mean and spread of train.

    zh_CN: standardise：其他数据集用 train 的均值和标准差。
    """
    train, *others = sets(rng)
    received = expect_tuple(submission.standardise(train, *others), 3, "standardise(train, second, third)")
    for name, part, got in zip(("train", "second set", "third set"), (train, *others), received, strict=True):
        expect_close(got, standardised(train, part), label=name)


@devices("cpu")
@points(1)
def test_a_constant_feature_is_only_centred(submission, rng):
    """standardise: a feature without spread is not divided by 0.

    zh_CN: standardise：没有变化的特征不除以 0。
    """
    train, other, _ = sets(rng)
    train[:, 1] = 7.0
    expected = standardised(train, train), standardised(train, other)
    for part, value in zip(expected, (train, other), strict=True):
        part[:, 1] = value[:, 1] - 7.0
    received = expect_tuple(submission.standardise(train, other), 2, "standardise(train, other)")
    for name, got, wanted in zip(("train", "other set"), received, expected, strict=True):
        expect_close(got, wanted, label=f"{name}, second feature constant in train")


@devices("cpu")
@points(1)
def test_standardise_leaves_its_inputs_alone(submission, guest, rng):
    """standardise changes none of its inputs.

    zh_CN: standardise 不改动任何输入。
    """
    given = sets(rng)
    kept = [guest.tensor(part) for part in given]
    received = expect_tuple(submission.standardise(*kept), 3, "standardise(train, second, third)")
    expect_close(received[1], standardised(given[0], given[1]), label="second set")
    for name, handle, value in zip(("train", "second set", "third set"), kept, given, strict=True):
        expect_close(guest.read(handle), value, label=f"{name} afterwards")


# --- make_loader ----------------------------------------------------------------------------------------------------


def rows_of(rng, count, *shape):
    """Return x (count, *shape) and t (count,): t tells the row."""
    return normal(rng, count, *shape), torch.arange(count) * 3 + 1


def expect_batches(batches, sizes, label):
    """See that an epoch is pairs of tensors of these sizes; return all x and all t, in their order."""
    pairs = [expect_tuple(batch, 2, f"{label}: x, t of a batch") for batch in expect_tuple(batches, len(sizes), label)]
    expect_equal([len(x) for x, _ in pairs], sizes, label=f"{label}: rows of x in each batch")
    expect_equal([len(t) for _, t in pairs], sizes, label=f"{label}: entries of t in each batch")
    return torch.cat([x for x, _ in pairs]), torch.cat([t for _, t in pairs])


@devices("cpu")
@points(1)
def test_batches_come_as_rows_stand(submission, guest, rng):
    """make_loader without shuffle: the order of the rows.

    zh_CN: make_loader 不打乱时：保持行的顺序。
    """
    (x, t), probe = rows_of(rng, 11, 2, 3), probe_of(guest)
    for epoch in expect_tuple(probe.epochs(submission.make_loader(x, t, 4), 2), 2, "two epochs"):
        got = expect_batches(epoch, [4, 4, 3], "an epoch")
        expect_close(got[0], x, label="x of all batches")
        expect_equal(got[1], t, label="t of all batches")


@devices("cpu")
@points(1)
def test_each_epoch_hands_out_every_row_once_with_its_target(submission, guest, rng):
    """make_loader with shuffle: pairs stay together, none is lost.

    zh_CN: make_loader 打乱时：行与目标不分开，一行不少。
    """
    (x, t), probe = rows_of(rng, 29, 2), probe_of(guest)
    loader = submission.make_loader(x, t, 8, True, probe.generator(5))
    for epoch in expect_tuple(probe.epochs(loader, 3), 3, "three epochs"):
        got = expect_batches(epoch, [8, 8, 8, 5], "an epoch")
        expect_equal(got[1].sort().values, t, label="t of all batches, sorted")
        expect_close(got[0], x[(got[1] - 1) // 3], label="x of all batches beside their t")


def orders(submission, probe, data, seed, own):
    """Return in which order three epochs hand out the rows."""
    probe.reseed(own)
    generator = probe.generator(seed) if seed else None
    loader = submission.make_loader(*data, batch_size=8, shuffle=True, generator=generator)
    told = expect_tuple(probe.epochs(loader, 3), 3, "three epochs")
    return [expect_batches(epoch, [8, 8, 8, 5], "an epoch")[1].tolist() for epoch in told]


@devices("cpu")
@points(1)
@needs(BATCHES)
def test_each_epoch_has_an_order_of_its_own(submission, guest, rng):
    """make_loader with shuffle: every epoch is mixed anew.

    zh_CN: make_loader 打乱时：每一轮都重新打乱。
    """
    data = rows_of(rng, 29, 2)
    found = orders(submission, probe_of(guest), data, 5, 1)
    different = len({tuple(order) for order in (data[1].tolist(), *found)})
    expect_equal(different, 4, label="number of different orders among the rows as they stand and three epochs")


@devices("cpu")
@points(1)
@needs(BATCHES)
def test_the_order_is_drawn_from_the_generator(submission, guest, rng):
    """make_loader: the generator decides; or torch's own.

    zh_CN: make_loader：由给它的生成器或 torch 自己的决定。
    """
    data, probe = rows_of(rng, 29, 2), probe_of(guest)
    first = orders(submission, probe, data, 5, 1)
    expect_equal(orders(submission, probe, data, 5, 2), first, label="orders for the same generator once more")
    is_same = orders(submission, probe, data, 6, 1) == first
    expect_equal(is_same, False, label="whether the orders are the same for another generator")
    own = orders(submission, probe, data, None, 1)
    expect_equal(orders(submission, probe, data, None, 1), own, label="orders for the same torch.manual_seed once more")
    is_same = orders(submission, probe, data, None, 2) == own
    expect_equal(is_same, False, label="whether the orders are the same for another torch.manual_seed")


# --- k_folds --------------------------------------------------------------------------------------------------------


def expect_folds(submission, probe, count, folds, seed=5):
    """Return the pairs of `k_folds`, which are known to be tensors of whole numbers."""
    made = expect_tuple(submission.k_folds(count, folds, probe.generator(seed)), folds, "k_folds")
    pairs = [expect_tuple(pair, 2, "a fold: rows to train on, rows held out") for pair in made]
    for number, pair in enumerate(pairs, start=1):
        for name, rows in zip(("rows to train on", "rows held out"), pair, strict=True):
            kind = str(rows.dtype) if isinstance(rows, torch.Tensor) else type(rows).__name__
            expect_equal(kind, "torch.int64", label=f"fold {number}: dtype of the {name}")
    return pairs


@devices("cpu")
@points(1)
def test_each_row_is_held_out_once_and_trained_on_in_all_other_folds(submission, guest):
    """k_folds: each row is held out once, trained on otherwise.

    zh_CN: k_folds：每行留出一次，其余各折都用来训练。
    """
    for count, folds in ((23, 5), (12, 4), (7, 2)):
        pairs = expect_folds(submission, probe_of(guest), count, folds)
        every = list(range(count))
        label = f"k_folds({count}, {folds})"
        expect_equal(sorted(torch.cat([held for _, held in pairs]).tolist()), every, label=f"{label}: rows held out")
        for number, (train, held) in enumerate(pairs, start=1):
            both = sorted([*train.tolist(), *held.tolist()])
            expect_equal(both, every, label=f"{label}: all rows of fold {number}")


@devices("cpu")
@points(1)
@needs(FOLDS)
def test_folds_are_of_one_size_or_nearly(submission, guest):
    """k_folds: sizes of what is held out differ by at most 1.

    zh_CN: k_folds：各折留出的行数最多相差 1。
    """
    for count, folds in ((23, 5), (12, 4), (31, 8)):
        sizes = [len(held) for _, held in expect_folds(submission, probe_of(guest), count, folds)]
        wanted = [count // folds + (place < count % folds) for place in range(folds)]
        label = f"k_folds({count}, {folds}): numbers of rows held out, largest first"
        expect_equal(sorted(sizes, reverse=True), wanted, label=label)


@devices("cpu")
@points(1)
@needs(FOLDS)
def test_folds_are_mixed_by_the_generator(submission, guest):
    """k_folds: rows are mixed first, by the generator alone.

    zh_CN: k_folds：先打乱行，只由生成器决定。
    """
    probe = probe_of(guest)

    def held(seed, own):
        probe.reseed(own)
        return [sorted(rows.tolist()) for _, rows in expect_folds(submission, probe, 40, 4, seed)]

    first = held(5, 1)
    in_one_piece = sum(rows[-1] - rows[0] + 1 == len(rows) for rows in first)
    expect_equal(in_one_piece, 0, label="number of folds that hold out neighbouring rows only")
    strided = sum(len({row % 4 for row in rows}) == 1 for rows in first)
    expect_equal(strided, 0, label="number of folds that hold out every fourth row")
    expect_equal(held(5, 2), first, label="rows held out for the same generator once more")
    expect_equal(held(6, 1) == first, False, label="whether the same rows are held out for another generator")
