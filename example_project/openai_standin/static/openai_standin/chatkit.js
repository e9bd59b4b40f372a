/**
 * A stand-in for OpenAI's chatkit.js: defines <openai-chatkit> with the documented interface. Not OpenAI's code.
 *
 * With `api.getClientSecret` it asks the page for client secrets as the real component does, and then answers by itself:
 * nothing is sent anywhere. With `api.url` it speaks ChatKit's protocol to that server, and shows what it answers.
 */
// An absolute address: browsers resolve none against a script that another site delivers.
import(new URL("component.js", /** @type {HTMLScriptElement} */ (document.currentScript).src).href);
