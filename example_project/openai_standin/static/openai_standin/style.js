/** How the stand-in looks. */

export const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: block; position: relative; height: 100%; width: 100%; color-scheme: light; --accent: #0d0d0d;
    --on: #fff; --back: #fff; --soft: #f3f3f3; --line: #e6e6e6; --text: #0d0d0d; --mute: #6b6b6b; --badge: #fff4d6;
    --badge-text: #7a4b00; --good: #17663c; --good-back: #e0f4e7; --bad: #a3221b; --bad-back: #fdeceb;
    --info: #1a56a8; --info-back: #e6effb;
    --press: 99px; --round: 1.15rem; --gap: 1rem; --tint: 0%; --size: 0.95rem; --font: system-ui, sans-serif; }
  :host([data-color-scheme="dark"]) { color-scheme: dark; --accent: #f5f5f5; --on: #111; --back: #181818;
    --soft: #262626; --line: #383838; --text: #f2f2f2; --mute: #a8a8a8; --badge: #3a2e10; --badge-text: #ffd98a;
    --good: #86d8a6; --good-back: #14331f; --bad: #ff9d94; --bad-back: #3d1a18; --info: #9cc4ff; --info-back: #16283f; }
  :host([data-radius="round"]) { --press: 0.9rem; --round: 0.9rem; }
  :host([data-radius="soft"]) { --press: 0.4rem; --round: 0.4rem; }
  :host([data-radius="sharp"]) { --press: 0; --round: 0; }
  :host([data-density="compact"]) { --gap: 0.6rem; }
  :host([data-density="spacious"]) { --gap: 1.5rem; }
  * { box-sizing: border-box; margin: 0; font: inherit; }
  [hidden] { display: none !important; }
  .frame { position: absolute; inset: 0; display: flex; flex-direction: column; overflow: hidden; background: var(--back);
    color: var(--text); font: var(--size)/1.5 var(--font); }
  svg { width: 1.15rem; height: 1.15rem; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8;
    stroke-linecap: round; stroke-linejoin: round; }
  button { border: 0; border-radius: var(--press); padding: 0; background: transparent; color: inherit; cursor: pointer; }
  button:disabled { opacity: 0.35; cursor: default; }
  :is(button, a, input, select, textarea, summary, [role="log"]):focus-visible { outline: 2px solid Highlight;
    outline-offset: 2px; }
  [role="log"]:focus-visible { outline-offset: -2px; }
  a { color: var(--info); text-underline-offset: 0.15em; }
  h2, h3, h4, b, strong { font-weight: 600; }
  .icon { display: inline-grid; place-items: center; flex: none; width: 2rem; height: 2rem; color: var(--mute); }
  .icon:hover:not(:disabled) { background: var(--soft); color: var(--text); }
  .press { display: inline-flex; align-items: center; justify-content: center; gap: 0.4rem; padding: 0.35rem 0.95rem;
    border: 1px solid var(--line); background: var(--back); font-size: 0.9rem; font-weight: 500; }
  .press:hover:not(:disabled) { background: var(--soft); }
  .press.primary { border-color: transparent; background: var(--accent); color: var(--on); }
  .press.primary:hover:not(:disabled) { opacity: 0.85; }
  .press.danger { border-color: transparent; background: var(--bad-back); color: var(--bad); }
  .press.block { width: 100%; }

  header { display: flex; align-items: center; gap: 0.25rem; min-height: 3.1rem; padding: 0.4rem 0.6rem 0.4rem 1rem;
    border-bottom: 1px solid var(--line); }
  header b { flex: 1 1 4rem; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .badge { margin-inline-end: 0.3rem; padding: 0.1rem 0.6rem; border-radius: 99px; background: var(--badge);
    color: var(--badge-text); font-size: 0.78rem; font-weight: 600; white-space: nowrap; }

  [role="log"] { flex: 1; display: flex; flex-direction: column; gap: calc(var(--gap) * 0.9); overflow-y: auto; padding: calc(var(--gap) * 1.25) var(--gap);
    overflow-wrap: anywhere; }
  [role="log"] > * { flex: none; }
  .start { margin: auto 0; display: grid; gap: calc(var(--gap) * 1.1); justify-items: center; text-align: center; }
  .start h2 { font-size: 1.45rem; line-height: 1.25; text-wrap: balance; }
  .prompts { display: flex; flex-wrap: wrap; gap: 0.5rem; justify-content: center; }
  .prompts button { display: inline-flex; align-items: center; gap: 0.5rem; max-width: 100%;
    padding: calc(var(--gap) * 0.45) 0.95rem; border: 1px solid var(--line); text-align: start; }
  .prompts span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .prompts svg { color: var(--mute); }
  .prompts button:hover { background: var(--soft); }
  .user { align-self: flex-end; display: flex; flex-direction: column; align-items: flex-end; gap: 0.4rem;
    max-width: 85%; }
  .bubble { padding: calc(var(--gap) * 0.5) 1rem; border-radius: var(--round); white-space: pre-wrap;
    background: color-mix(in srgb, var(--accent) var(--tint), var(--soft)); }
  blockquote { padding-inline-start: 0.7rem; border-inline-start: 3px solid var(--line); color: var(--mute); }
  .markdown { display: flex; flex-direction: column; gap: 0.6rem; max-width: 46rem; }
  .markdown p { white-space: pre-wrap; }
  .markdown :is(ul, ol) { display: grid; gap: 0.25rem; padding-inline-start: 1.4rem; }
  code { padding: 0.05rem 0.3rem; border-radius: 0.3rem; background: var(--soft); font: 0.9em ui-monospace, monospace; }
  em { font-style: italic; }
  .sources { display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; font-size: 0.85rem; color: var(--mute); }
  .files { display: flex; flex-wrap: wrap; gap: 0.4rem; }
  .file { display: inline-flex; align-items: center; gap: 0.4rem; max-width: 16rem; padding: 0.4rem 0.7rem;
    border: 1px solid var(--line); border-radius: 0.8rem; font-size: 0.88rem; }
  .file span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .preview { width: 7rem; height: 7rem; object-fit: cover; border-radius: 0.8rem; border: 1px solid var(--line); }
  .picture { max-width: 100%; border-radius: 0.6rem; }
  .steps { color: var(--mute); font-size: 0.88rem; }
  .progress { display: flex; align-items: center; gap: 0.6rem; min-height: 1.5rem; color: var(--mute); }
  .dots { width: 1.9rem; height: 0.45rem; background: radial-gradient(circle closest-side, currentColor 90%, transparent)
    0 / calc(100% / 3) 100%; clip-path: inset(0 100% 0 0); animation: dots 1.2s steps(4) infinite; }
  @keyframes dots { to { clip-path: inset(0 -34% 0 0); } }
  @media (prefers-reduced-motion: reduce) { .dots { animation: none; clip-path: none; } }
  .error, .notice { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.9rem; padding: 0.6rem 0.9rem;
    border-radius: 0.8rem; background: var(--bad-back); color: var(--bad); }
  .error p { flex: 1 1 12rem; }
  .error .press { border-color: transparent; background: var(--back); color: var(--text); }
  .notice { background: var(--info-back); color: var(--info); }
  .notice.warning { background: var(--badge); color: var(--badge-text); }
  .notice.danger { background: var(--bad-back); color: var(--bad); }
  .actions { display: flex; gap: 0.1rem; margin-top: -0.5rem; }
  .actions [aria-pressed="true"] { color: var(--accent); background: var(--soft); }

  .widget { display: grid; max-width: 28rem; }
  .card { display: flex; flex-direction: column; gap: 0.7rem; min-width: 0; padding: 1rem; border: 1px solid var(--line);
    border-radius: var(--round); background: var(--back); }
  .card-sm { max-width: 20rem; }
  .card .status { margin: -0.2rem 0 0; color: var(--mute); font-size: 0.82rem; }
  .box { display: flex; min-width: 0; }
  .box.row { flex-direction: row; align-items: center; gap: 0.6rem; }
  .box.col { flex-direction: column; gap: 0.2rem; }
  .box.end { justify-content: flex-end; }
  .box.bordered { border: 1px solid var(--line); }
  .box.round { border-radius: 0.7rem; overflow: hidden; }
  .spacer { flex: 1; }
  .dot { width: 0.5rem; height: 0.5rem; border-radius: 50%; background: var(--mute); }
  .title { font-weight: 600; line-height: 1.3; }
  .title-xs, .title-sm { font-size: 0.95rem; } .title-md { font-size: 1.05rem; } .title-lg { font-size: 1.25rem; }
  .title-xl, .title-2xl { font-size: 1.5rem; } .title-3xl, .title-4xl, .title-5xl { font-size: 1.9rem; }
  .text-xs { font-size: 0.78rem; } .text-sm { font-size: 0.87rem; } .text-lg { font-size: 1.05rem; }
  .caption { color: var(--mute); font-size: 0.82rem; } .caption-sm { font-size: 0.76rem; }
  .truncate { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .tone-secondary, .tone-tertiary { color: var(--mute); } .tone-danger { color: var(--bad); }
  .tone-success { color: var(--good); } .tone-warning { color: var(--badge-text); }
  .tag { display: inline-block; padding: 0.05rem 0.55rem; border-radius: 99px; background: var(--soft); color: var(--mute);
    font-size: 0.78rem; font-weight: 600; white-space: nowrap; }
  .tag-success { background: var(--good-back); color: var(--good); }
  .tag-danger { background: var(--bad-back); color: var(--bad); }
  .tag-warning { background: var(--badge); color: var(--badge-text); }
  .tag-info, .tag-discovery { background: var(--info-back); color: var(--info); }
  hr { width: 100%; height: 1px; border: 0; background: var(--line); }
  .list { gap: 0; padding: 0.4rem; list-style: none; }
  .list li + li { border-top: 1px solid var(--line); }
  .list li > .box { width: 100%; padding: 0.6rem; border-radius: 0.6rem; text-align: start; }
  .list button:hover { background: var(--soft); }
  .field, .history input { width: 100%; min-width: 0; padding: 0.4rem 0.7rem; border: 1px solid var(--line);
    border-radius: 0.6rem; background: var(--back); color: inherit; }
  .choice { display: inline-flex; align-items: center; gap: 0.4rem; }
  fieldset { display: grid; gap: 0.35rem; padding: 0; border: 0; }
  legend { padding: 0; font-weight: 600; }
  td { padding: 0.25rem 0.6rem 0.25rem 0; }

  .composer { margin: 0 calc(var(--gap) * 0.75) calc(var(--gap) * 0.75); padding: calc(var(--gap) * 0.35);
    border: 1px solid var(--line); border-radius: calc(var(--round) * 1.3);
    background: var(--back); box-shadow: 0 1px 6px rgb(0 0 0 / 7%); }
  .composer:focus-within { border-color: var(--mute); }
  .composer > .row { display: flex; align-items: flex-end; gap: 0.3rem; }
  .composer > .files { padding: 0.35rem 0.4rem 0.5rem; }
  .chip { position: relative; display: inline-flex; }
  .chip .preview { width: 3.6rem; height: 3.6rem; }
  .chip .file { padding-inline-end: 1.9rem; }
  .chip[aria-busy] .file { padding-inline-end: 0.7rem; opacity: 0.6; }
  .chip .icon { position: absolute; inset: 0.2rem 0.2rem auto auto; width: 1.5rem; height: 1.5rem;
    background: var(--back); }
  .chip .icon svg { width: 0.85rem; height: 0.85rem; }
  .warning:not(.notice) { padding: 0.2rem 0.7rem 0.4rem; color: var(--bad); font-size: 0.88rem; }
  .composer textarea { flex: 1; min-width: 0; resize: none; border: 0; padding: 0.45rem 0.6rem; background: transparent;
    color: inherit; field-sizing: content; max-height: 8rem; }
  .composer textarea:focus-visible { outline: none; }
  textarea::placeholder { color: var(--mute); opacity: 1; }
  .composer > .row > button { display: grid; place-items: center; flex: none; width: 2.4rem; height: 2.4rem; }
  .composer > .row > button:not(.icon) { background: var(--accent); color: var(--on); }
  footer { max-height: 30%; overflow-y: auto; overflow-wrap: anywhere; margin: -0.25rem 1rem 0.75rem; color: var(--mute); font-size: 0.78rem; text-align: center; }

  footer.strong { color: var(--text); }

  .history { position: absolute; inset: 0; z-index: 1; display: flex; flex-direction: column; gap: 0.6rem;
    overflow-y: auto; padding: 0.5rem 0.6rem 1rem; background: var(--back); }
  .history .top { display: flex; align-items: center; justify-content: space-between; min-height: 2.4rem;
    padding-inline-start: 0.5rem; }
  .history ul { display: grid; gap: 0.15rem; padding: 0; list-style: none; }
  .history li { display: flex; align-items: center; gap: 0.3rem; min-width: 0; padding: 0.15rem 0.3rem;
    border-radius: 0.8rem; }
  .history li:hover, .history li[aria-current="true"] { background: var(--soft); }
  .history .open { flex: 1; min-width: 0; padding: 0.4rem 0.3rem; overflow: hidden; text-align: start;
    text-overflow: ellipsis; white-space: nowrap; }
  .history form { display: flex; gap: 0.4rem; flex: 1; padding: 0.2rem; }
  .history > p { padding: 0.6rem; color: var(--mute); }
  .history > .press { align-self: center; }
`);
