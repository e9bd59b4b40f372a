/**
 * What the template tag tells the element, and what the server answers it: shapes, and the two questions asked of them.
 *
 * OpenAI's types come in here and nowhere else: a storage that rewrites imports takes a type's for one, too, and looks for
 * the file.
 *
 * @import { ChatKitEvents as Events, ChatKitOptions as Options, ColorScheme as Scheme, OpenAIChatKit as Component } from "@openai/chatkit"
 * @typedef {Events} ChatKitEvents
 * @typedef {Options} ChatKitOptions
 * @typedef {Scheme} ColorScheme
 * @typedef {Component} OpenAIChatKit
 *
 * @typedef {object} Config What the template tag writes into the attribute `config`.
 * @property {string} url Where a POST answers with a session.
 * @property {string} script OpenAI's script.
 * @property {string} [workflow] A slug; the server knows which one is meant without it.
 * @property {Record<string, unknown>} [state_variables]
 * @property {"inline" | "floating" | "page"} layout
 * @property {string} [height] A CSS length.
 * @property {boolean} [resume] Whether the last thread of this tab is opened again.
 * @property {string} [domain_key] What a self-hosted workflow needs beside its session.
 * @property {string} [login_url]
 * @property {{header: string, cookie: string | null, token: string | null}} csrf
 * @property {Omit<ChatKitOptions, "api">} options
 * @property {"light" | "dark" | "auto"} [color_scheme] Without it the chat is as the page is.
 * @property {Record<string, string>} texts
 *
 * @typedef {{enabled: boolean, max_file_size?: number | null, max_files?: number | null}} FileUpload Size in megabytes.
 *
 * @typedef {object} Session The part that is used here of the answer to the POST.
 * @property {string} client_secret
 * @property {{file_upload?: FileUpload, history?: {enabled: boolean}}} [chatkit_configuration]
 * @property {string} [chat] Where this site runs the chat: from a header. OpenAI runs it if there is none.
 * @property {string} [user] A pseudonym of whom the session is for: from a header.
 */

/** @param {Element} element @returns {Config} */
export const configOf = (element) => JSON.parse(element.getAttribute("config") ?? "");

/** What a session is for: chats that share it may use each other's. @param {Config} config */
export const purpose = ({ url, workflow, state_variables }) => JSON.stringify([url, workflow, state_variables]);
