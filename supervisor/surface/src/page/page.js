// Keeps the page live. The server renders; this only puts what has changed in its place, so that focus, selection and
// scrolling stay. Nothing here makes markup of text, and the page works without it.
'use strict';
(() => {
  const live = document.getElementById('live');
  let source = null;

  const say = (state, text) => {
    if (live.textContent === text) return;
    live.hidden = false;
    live.className = state;
    live.textContent = text;
  };

  const keyOf = (node) => (node && node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined);

  function attributes(have, want) {
    for (const { name } of [...have.attributes]) {
      if (!want.hasAttribute(name) && name !== 'open') have.removeAttribute(name);
    }
    for (const { name, value } of want.attributes) {
      if (have.getAttribute(name) !== value && name !== 'open') have.setAttribute(name, value);
    }
  }

  function morph(have, want) {
    if (have.nodeType !== want.nodeType || have.nodeName !== want.nodeName) {
      have.replaceWith(document.importNode(want, true));
    } else if (have.nodeType === Node.TEXT_NODE) {
      if (have.data !== want.data) have.data = want.data;
    } else if (!have.hasAttribute('data-keep')) {
      attributes(have, want);
      children(have, want);
    }
  }

  function children(have, want) {
    const keyed = new Map();
    for (const child of have.children) {
      if (child.dataset.key) keyed.set(child.dataset.key, child);
    }
    let at = have.firstChild;
    for (const fresh of want.childNodes) {
      const key = keyOf(fresh);
      const old = key ? keyed.get(key) : keyOf(at) ? null : at;
      if (!old) {
        have.insertBefore(document.importNode(fresh, true), at);
      } else {
        if (old === at) at = at.nextSibling;
        else have.insertBefore(old, at);
        morph(old, fresh);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  function show(html) {
    const fresh = new DOMParser().parseFromString(html, 'text/html').getElementById('main');
    const main = document.getElementById('main');
    if (fresh && main) morph(main, fresh);
  }

  function listen() {
    if (source) source.close();
    source = new EventSource('events' + location.search);
    source.onopen = () => say('up', 'live');
    source.onmessage = (event) => show(event.data);
    source.onerror = () => say('down', source.readyState === EventSource.CLOSED ? 'not live: load the page again' : 'the worker does not answer: trying again');
  }

  function go(address) {
    history.pushState(null, '', address);
    listen();
  }

  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-view]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(link.getAttribute('href'));
  });

  let typing = 0;
  const searched = (form) => '?' + new URLSearchParams(new FormData(form));
  document.addEventListener('input', (event) => {
    if (!event.target.form) return;
    clearTimeout(typing);
    typing = setTimeout(() => {
      history.replaceState(null, '', searched(event.target.form));
      listen();
    }, 250);
  });
  document.addEventListener('submit', (event) => {
    event.preventDefault();
    go(searched(event.target));
  });
  addEventListener('popstate', listen);

  // A browser has few connections for one server: what nobody looks at needs none.
  document.addEventListener('visibilitychange', () => {
    if (document.hidden && source) {
      source.close();
      source = null;
    } else if (!document.hidden && !source) {
      listen();
    }
  });
  if (!document.hidden) listen();
})();
