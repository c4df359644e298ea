/* help: how to read a flame graph, and every key. */
import { useEffect, useRef } from 'preact/hooks';

export const KEYS: [string, string][] = [
  ['arrows', 'move the focus: to callees, to the caller, to neighbours'],
  ['Enter', 'zoom to the focused frame; again: one step out'],
  ['Esc', 'one step out; in the search: clear it'],
  ['Home or 0', 'show everything'],
  ['c', 'callers and callees of the focused frame (also Shift and click)'],
  ['/', 'search'],
  ['t', 'table of functions'],
  ['i', 'bottom-up: the functions that took the time first, their callers below'],
  ['f', 'put the root at the bottom or at the top'],
  ['g', 'group by nothing, thread or module'],
  ['d', 'dark, light or as the system'],
  ['?', 'this help'],
];

export function HowToRead() {
  return (
    <>
      <p>
        Each box is a function, as <b>wide</b> as its share of the whole, including everything it called. The box above it is its caller, the
        boxes below are what it called. What is left uncovered below a box is the function’s own work.
      </p>
      <p>
        <b>Look for wide boxes with little below them</b>: that is where time goes. A wide box that is covered completely only passes the time
        on. Left to right is not time: the widest callee comes first. The strip above the graph is time; drag on it to look at one part.
      </p>
      <p>
        <b>Bottom-up</b> turns every stack over: the first row are the functions that did the work, below them who called. <b>Callers and
        callees</b> puts one function in the middle, wherever it was called from.
      </p>
    </>
  );
}

export function Help({ keys, onKeys, onClose }: { keys: boolean; onKeys(on: boolean): void; onClose(): void }) {
  const e = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = e.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog ref={e} aria-labelledby="help-title" onClose={onClose}>
      <div class="row">
        <h2 id="help-title">How to read this page</h2>
        <button type="button" onClick={onClose}>Close</button>
      </div>
      <HowToRead />
      <h3>Keys</h3>
      <dl>
        {KEYS.map(([k, what]) => (
          <div key={k}>
            <dt>{k.split(' or ').map((x, i) => <>{i > 0 && ' or '}<kbd>{x}</kbd></>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p>
        <label><input type="checkbox" checked={keys} onChange={(x) => onKeys(x.currentTarget.checked)} /> single letters are keys</label>
      </p>
    </dialog>
  );
}
