// Shows how a run goes. Without it, each button is a form whose page shows what the run came to.

for (const section of document.querySelectorAll('.experiment')) {
  section.querySelector('form')?.addEventListener('submit', (event) => {
    event.preventDefault();
    run(section, event.target);
  });
}

async function run(section, form) {
  const button = form.querySelector('button');
  // Not `disabled`: the focus would be lost.
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  for (const side of section.querySelectorAll('.side')) show(side, { text: 'waiting …', share: 0 });
  try {
    const headers = { accept: 'application/x-ndjson' };
    const response = await fetch(form.action, { method: 'POST', headers });
    if (!response.ok) throw new Error(`${response.status}`);
    for await (const progress of linesOf(response.body)) {
      show(section.querySelector(`[data-side="${progress.side}"]`), progress);
    }
  } catch {
    for (const side of section.querySelectorAll('.side')) {
      show(side, { text: 'The run did not come to its end. Run it again.', share: 0 });
    }
  }
  button.removeAttribute('aria-disabled');
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

function show(side, { text, share, verdict = '' }) {
  side.querySelector('progress').value = share;
  side.querySelector('.said').textContent = text;
  side.className = `side ${verdict}`;
}
