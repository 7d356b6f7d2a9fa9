// The count of a node beside it, as a number and as a thin bar of its share, and its problems below it.
import { problemsAt, pythonPath, useBuilder, useWords } from "./builder_context";
import { Icon } from "./controls";
import { pathKey, type Path } from "./tree";
import { digits, percent } from "./words";

export function NodeCount({ path }: { path: Path }) {
  const { result, stale, wrapped } = useBuilder();
  const t = useWords();
  const count = result.nodes?.[pythonPath(path, wrapped)];
  const universe = result.universe ?? 0;
  const share = count === undefined || !universe ? 0 : Math.min(1, count / universe);
  const words = count === undefined ? t("noCount") : `${t("people")} ${digits(count)} · ${percent(count, universe)}`;
  return (
    <span
      className="qa-node-count"
      data-testid="qa-node-count"
      data-path={pathKey(path)}
      data-stale={stale || undefined}
      title={words}
    >
      <Icon name="people" />
      <b>{count === undefined ? "—" : digits(count)}</b>
      <span className="qa-bar" aria-hidden="true">
        <span style={{ width: `${100 * share}%` }} />
      </span>
    </span>
  );
}

export function NodeProblems({ path }: { path: Path }) {
  const builder = useBuilder();
  const t = useWords();
  const problems = problemsAt(builder, path);
  if (!problems.length) return null;
  return (
    <ul className="qa-node-problems" data-testid="qa-node-problems">
      {problems.map((p, i) => (
        <li key={i}>
          <Icon name="warning" />
          <span>{t(p)}</span>
        </li>
      ))}
    </ul>
  );
}
