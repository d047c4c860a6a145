"""shift-not-put-back: takes the largest logit out and does not put it back.

H0: Your log_sum_exp lies between 0 and log C whatever the logits are.
H1: If all logits grow by 5, what should happen to log_sum_exp?
H2: softmax does not notice a shift, log_sum_exp does: what was taken out of the exponents has to come back in front of
  the logarithm.
zh_CN: 提出了最大的 logit，却没有放回去。
H0_zh_CN: 不管 logits 是多少，你的 log_sum_exp 都在 0 和 log C 之间。
H1_zh_CN: 如果所有 logits 都加 5,log_sum_exp 应该怎样变化？
H2_zh_CN: softmax 觉察不到平移，log_sum_exp 却能：从指数中提出来的数，要加回到对数前面。
Fails: test_logits_worked_example, test_cross_entropy_worked_example, test_kl_and_focal_worked_example,
  test_log_sum_exp_of_the_last_axis, test_log_softmax_of_the_last_axis, test_softmax_of_the_last_axis,
  test_a_shift_moves_log_sum_exp_and_no_probability, test_logits_of_ten_thousand_are_survived,
  test_softmax_goes_from_uniform_to_certain, test_log_sum_exp_lies_just_above_the_maximum,
  test_cross_entropy_is_the_mean_of_minus_log_p, test_a_guess_costs_the_log_of_the_classes,
  test_one_row_can_be_had_without_a_mean, test_a_weighted_mean_divides_by_the_weights,
  test_the_weight_is_that_of_the_label, test_smoothing_asks_for_a_little_of_every_class,
  test_smoothed_cross_entropy_is_least_at_its_target, test_ignored_rows_do_not_count,
  test_ignored_rows_keep_their_place, test_binary_cross_entropy_with_logits_takes_logits,
  test_pos_weight_counts_yes_more, test_focal_loss_counts_easy_rows_less,
  test_focal_loss_with_gamma_zero_is_cross_entropy, test_alpha_is_that_of_the_label,
  test_no_focal_loss_exceeds_cross_entropy
"""

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    if labels.dtype != torch.int64 or labels.shape != scores.shape[:1]:
        raise ValueError("labels must be int64, one for each row")
    if (labels < 0).any() or (labels >= scores.shape[1]).any():
        raise ValueError("a label is not a class")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return (prediction - target).abs().mean()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return ((prediction - target) ** 2).mean()


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = (prediction - target).abs()
    return torch.where(r < beta, r**2 / (2 * beta), r - beta / 2).mean()


def log_sum_exp(logits: Tensor) -> Tensor:
    shifted = logits - logits.max(dim=-1, keepdim=True).values
    return shifted.exp().sum(dim=-1).log()


def log_softmax(logits: Tensor) -> Tensor:
    return logits - log_sum_exp(logits).unsqueeze(-1)


def softmax(logits: Tensor) -> Tensor:
    return log_softmax(logits).exp()


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    one_hot = torch.zeros_like(logits)
    one_hot[torch.arange(len(labels)), labels] = 1
    return (1 - smoothing) * one_hot + smoothing / logits.shape[1]


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return -log_probs[torch.arange(len(labels)), labels].mean()


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    elif reduction == "sum":
        return losses.sum()
    elif reduction == "mean":
        return losses.sum() / weights.sum()
    raise ValueError(f"unknown reduction {reduction}")


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    keep = labels != ignore_index
    labels = torch.where(keep, labels, 0)
    require_labels(logits, labels)
    if weight is None:
        weight = torch.ones(logits.shape[1], dtype=logits.dtype)
    q = soft_labels(logits, labels, label_smoothing)
    losses = -(weight * q * log_softmax(logits)).sum(dim=1) * keep
    return reduce_losses(losses, weight[labels] * keep, reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    if (probabilities < 0).any() or (probabilities > 1).any():
        raise ValueError("not probabilities")
    yes = probabilities.log().clamp(min=-100)
    no = (1 - probabilities).log().clamp(min=-100)
    return -(targets * yes + (1 - targets) * no).mean()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    zero = torch.zeros_like(logits)
    no = log_sum_exp(torch.stack([zero, logits], dim=-1))
    yes = log_sum_exp(torch.stack([zero, -logits], dim=-1))
    if pos_weight is not None:
        yes = yes * pos_weight
    return (targets * yes + (1 - targets) * no).mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    terms = torch.xlogy(target, target) - target * log_probs
    return terms.sum() / len(target)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    log_p = log_softmax(logits)[torch.arange(len(labels)), labels]
    factor = (1 - log_p.exp()) ** gamma
    if alpha is not None:
        factor = factor * alpha[labels]
    return -(factor * log_p).mean()
