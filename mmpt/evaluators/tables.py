"""Results as text: what the command line prints."""

from collections.abc import Sequence

from mmpt.evaluators.results import EvaluationResult, MetricValue
from mmpt.utils.units import metric_name

__all__ = ["align", "best_of", "comparison", "comparison_table", "format_value", "result_table"]


def format_value(value: float, percent: bool) -> str:
    """Return a share as ``32.4 %`` and any other number with at most one decimal that matters."""
    return f"{100 * value:.1f} %" if percent else f"{value:.1f}"


def best_of(results: Sequence[EvaluationResult], higher_is_better: bool = True) -> EvaluationResult:
    """Return the result with the best main (first) metric; of equal ones the first."""

    def main_value(result: EvaluationResult) -> float:
        value = next(iter(result.metrics.values())).value
        return value if higher_is_better else -value

    return max(results, key=main_value)


def result_table(result: EvaluationResult) -> str:
    """Return metric | baseline | result | count, one line per metric, what was left out, and notes."""
    count = ", ".join(f"{number} {what}" for what, number in result.counts.items())
    rows = [("metric", "baseline", "result", "count")]
    rows += [
        (metric_name(name), format_value(m.baseline, m.percent), format_value(m.value, m.percent), count)
        for name, m in result.metrics.items()
    ]
    lines = [f"{result.name} on the {result.split} split", *align(rows)]
    lines += [f"left out: {number} ({reason})" for reason, number in result.skipped.items() if number]
    lines += [f"without effect: {number} ({reason})" for reason, number in result.ignored.items()]
    lines += result.details.get("notes", [])
    return "\n".join(lines)


def comparison(results: Sequence[EvaluationResult], baseline: str = "baseline") -> str:
    """Return one line per result, the baseline first under the given name."""
    names = list(results[-1].metrics)
    rows = [("", *map(metric_name, names)), (baseline, *_values(results[-1].metrics, names, baseline=True))]
    rows += [(result.name, *_values(result.metrics, names)) for result in results]
    return "\n".join(align(rows))


def comparison_table(results: Sequence[EvaluationResult], best: EvaluationResult) -> str:
    """Return one line per checkpoint, the baseline first, and name the best."""
    chosen = f"chosen by {metric_name(next(iter(best.metrics)))} on the {best.split} split itself"
    return f"{comparison(results)}\nbest of {len(results)} checkpoints, {chosen}: {best.name}"


def _values(metrics: dict[str, MetricValue], names: Sequence[str], baseline: bool = False) -> list[str]:
    chosen = [metrics[name] for name in names]
    return [format_value(m.baseline if baseline else m.value, m.percent) for m in chosen]


def align(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Return rows as lines with straight columns: the first ``left`` ones flush left, the others right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(w) if i < left else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
