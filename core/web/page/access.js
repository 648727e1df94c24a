/** Asking the page's own host, with a token where it wants one. */

import { byId } from "./dom.js";

/** @type {string | null} kept while the page is open, and nowhere else */
let token = null;

/**
 * Fetch something, or say in words why not; a server that asks for a token gets it from the person at the page.
 *
 * @param {URL} address
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function get(address, options = {}) {
  for (;;) {
    const headers = { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(address, { ...options, headers }).catch(() => null);
    if (!response) throw new Error("the server does not answer; is it still running?");
    if (response.ok) return response;
    if (response.status !== 401) throw new Error(`${address.pathname}: ${await reason(response)}`);
    token = await askForToken();
  }
}

/** @param {Response} response */
async function reason(response) {
  const { error } = await response.json().catch(() => ({}));
  return error ?? `${response.status} ${response.statusText}`;
}

/** @returns {Promise<string>} */
function askForToken() {
  const [form, field] = [byId("access"), byId("token")];
  if (token) byId("access-problem").textContent = "The server did not take this token.";
  form.hidden = false;
  field.value = "";
  field.focus();
  return new Promise((resolve) => {
    form.onsubmit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      form.hidden = true;
      resolve(field.value.trim());
    };
  });
}
