// The list of saved audiences: search, folders, sizes with their freshness, and a choice of several.
import { Button, Icon } from "./controls";
import { foldersOf, type ShelfRow } from "./library_model";
import { day, type Say } from "./library_words";
import { digits, percent } from "./words";

interface Props {
  say: Say;
  shelf: ShelfRow[];
  shown: ShelfRow[];
  search: string;
  setSearch: (text: string) => void;
  folder: string;
  setFolder: (folder: string) => void;
  openName: string | undefined;
  open: (name: string) => void;
  chosen: string[];
  choose: (name: string, chosen: boolean) => void;
  overlap: () => void;
  count: () => void;
  reload: () => void;
  busy: boolean;
}

export function List(props: Props) {
  const { say, shelf, shown, search, setSearch, folder, setFolder, chosen, busy } = props;
  const folders = foldersOf(shelf);
  return (
    <section className="qa-shelf" aria-label={say("title")}>
      <div className="qa-row">
        <span className="qa-search">
          <Icon name="search" />
          <input
            type="search"
            className="qa-input"
            aria-label={say("search")}
            placeholder={say("search")}
            value={search}
            onChange={(e) => setSearch(e.target.value)}
          />
        </span>
        {folders.length > 0 && (
          <select className="qa-input" aria-label={say("folder")} value={folder} onChange={(e) => setFolder(e.target.value)}>
            <option value="">{say("allFolders")}</option>
            {folders.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        )}
        <span className="qa-side">
          <span className="qa-note">{chosen.length ? say("chosen", { n: chosen.length }) : say("shown", { n: shown.length, all: shelf.length })}</span>
          <button type="button" className="qa-plain" data-testid="qa-overlap" title={say("overlapHint")} disabled={busy || chosen.length < 2} onClick={props.overlap}>
            {say("overlap")}
          </button>
          <button type="button" className="qa-plain" data-testid="qa-count-all" disabled={busy || !shelf.length} onClick={props.count}>
            {say("count")}
          </button>
          <Button icon="redo" label={say("reload")} testId="qa-reload" disabled={busy} onClick={props.reload} />
        </span>
      </div>
      {shown.length === 0 ? (
        <p className="qa-empty" data-testid="qa-empty">
          {say(shelf.length ? "nothingFound" : "empty")}
        </p>
      ) : (
        <div className="qa-table-scroll" tabIndex={0} role="region" aria-label={say("audiences")}>
          <table className="qa-shelf-table">
            <thead>
              <tr>
                <td />
                {(["audiences", "people", "version", "author", "used", "saved"] as const).map((word) => (
                  <th key={word} scope="col" data-number={word === "people" || word === "used" || undefined}>
                    {say(word)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => (
                <Row key={row.name} row={row} {...props} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ row, say, openName, open, chosen, choose }: Props & { row: ShelfRow }) {
  const fresh = row.fresh === "now" ? say("freshNow") : row.fresh === "older" ? say("freshOlder", { day: row.counted_as_of ? day(row.counted_as_of) : "" }) : say("freshNone");
  return (
    <tr data-name={row.name} data-open={row.name === openName || undefined}>
      <td>
        <input type="checkbox" aria-label={say("choose", { name: row.name })} checked={chosen.includes(row.name)} onChange={(e) => choose(row.name, e.target.checked)} />
      </td>
      <th scope="row">
        <button type="button" className="qa-link" aria-expanded={row.name === openName} onClick={() => open(row.name)}>
          {row.name}
        </button>
        {row.folder && <small className="qa-folder">{row.folder}</small>}
        {row.tags.map((tag) => (
          <span key={tag} className="qa-pill">
            {tag}
          </span>
        ))}
        {row.note && <small className="qa-note-line">{row.note}</small>}
      </th>
      <td data-number>
        <b data-testid="qa-size">{row.count === null ? "—" : digits(row.count)}</b>
        {row.share !== null && row.count !== null && <span> {percent(row.share, 1)}</span>}
        <small data-fresh={row.fresh || "none"}>{fresh}</small>
      </td>
      <td>
        {row.active} / {row.newest}
      </td>
      <td>{row.author}</td>
      <td data-number>{row.used_count || "—"}</td>
      <td>
        <time dateTime={row.saved_at}>{day(row.saved_at)}</time>
      </td>
    </tr>
  );
}
