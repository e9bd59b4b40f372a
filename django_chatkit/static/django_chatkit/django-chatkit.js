/**
 * <django-chatkit>: mounts OpenAI's <openai-chatkit>, gets its client secrets from this site, or says why it cannot.
 *
 * Who runs the workflow, OpenAI or this site, is told by the answer that brings a session. So nothing on a page changes
 * when an administrator moves the workflow, and a page that is open follows at its next refresh.
 *
 * For the page's own code, in a plain <script> or a module, before this one runs or after it:
 *
 * `element.chatkit` is OpenAI's component, or null while there is none. Its events bubble from the element:
 *
 *     document.addEventListener("chatkit.response.end", ({ target }) => console.log("answered", target.id));
 *
 * `element.open()` brings the chat to the visitor, `element.open({ prompt, thread })` with a text in the composer or with
 * a thread, `element.close()` closes the panel of a floating one. Links do the same, from any page:
 * `<a href="/help/#chatkit?prompt=Where+is+my+order%3F&workflow=support">`. What a link writes is never sent by itself.
 *
 * `django-chatkit.options` is dispatched just before the options are set. What a listener adds to `event.detail`, a
 * `ChatKitOptions`, is set with them: client tools, widget actions, the search for entities, whatever is a function.
 *
 *     document.addEventListener("django-chatkit.options", ({ target, detail }) => {
 *       detail.onClientTool = async ({ name, params }) => (name === "cart" ? await readCart(params) : {});
 *       detail.widgets = { onAction: async (action, item) => target.chatkit.sendCustomAction(action, item.id) };
 *       detail.entities = { onTagSearch: async (query) => (await fetch(`/products/?q=${query}`)).json() };
 *     });
 *
 * Style: `--django-chatkit-height`; `--django-chatkit-offset`, what the page layout leaves for a header of the site;
 * `--django-chatkit-accent` and `--django-chatkit-on-accent`, the floating button; `--django-chatkit-layer`, its z-index.
 *
 * The imports carry this package's version, because storages that hash file names leave imports as they are, and a
 * browser must not mix the modules of two versions. Their addresses begin with an escaped dot, because storages that do
 * rewrite imports look for a plain one, and would make a wrong hash of an address with a version.
 */

import { DjangoChatKit } from "\x2e/django-chatkit/element.js?v=0.1.0"
import { takeNonceOf } from "\x2e/django-chatkit/script.js?v=0.1.0"

takeNonceOf(import.meta.url);
if (!customElements.get("django-chatkit")) customElements.define("django-chatkit", DjangoChatKit);
