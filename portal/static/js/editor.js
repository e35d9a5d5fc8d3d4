// Makes an editor of the reward function's text area. The text area stays the form's field and always holds the text.
//
// The editor lives in a shadow root: there its styles are constructable style sheets, which the page's security policy
// allows; at the document's root they would be <style> elements, which it does not.

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "../vendor/codemirror/codemirror-autocomplete.js";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "../vendor/codemirror/codemirror-commands.js";
import { python } from "../vendor/codemirror/codemirror-lang-python.js";
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "../vendor/codemirror/codemirror-language.js";
import { lintGutter, lintKeymap, setDiagnostics } from "../vendor/codemirror/codemirror-lint.js";
import { highlightSelectionMatches, searchKeymap } from "../vendor/codemirror/codemirror-search.js";
import { EditorState } from "../vendor/codemirror/codemirror-state.js";
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "../vendor/codemirror/codemirror-view.js";
import { tags } from "../vendor/codemirror/lezer-highlight.js";

const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--surface)", fontSize: "0.9rem", minHeight: "22rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--surface-2)", color: "var(--ink-2)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--brand-soft) 55%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--brand-soft)" },
  ".cm-selectionMatch": { backgroundColor: "var(--warn-soft)" },
  ".cm-matchingBracket": { backgroundColor: "var(--good-soft)", outline: "1px solid var(--good)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--surface)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--brand)", color: "var(--on-brand)" },
  ".cm-diagnostic": { fontFamily: "var(--font)" },
  ".cm-textfield, .cm-button": { backgroundColor: "var(--surface)", backgroundImage: "none", color: "var(--ink)", borderColor: "var(--line-strong)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: "var(--best)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--accent)" },
  { tag: [tags.comment], color: "var(--ink-2)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName)], color: "var(--brand)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

function parameterNames(root) {
  return [...root.querySelectorAll(".parameters tbody th code")].map((code) => code.textContent);
}

// Inside params[" the parameters are offered with what they mean.
function parameterCompletion(root) {
  const options = parameterNames(root).map((label) => ({ label, type: "property" }));
  return (context) => {
    const before = context.matchBefore(/params\s*(\[|\.get\()\s*["'][\w]*/);
    if (!before) return null;
    const quote = Math.max(before.text.lastIndexOf('"'), before.text.lastIndexOf("'"));
    return { from: before.from + quote + 1, options, validFor: /^\w*$/ };
  };
}

class RewardEditor {
  constructor(root) {
    this.root = root;
    this.area = root.querySelector("textarea[name=code]");
    const label = root.querySelector(`label[for="${this.area.id}"]`);
    const host = document.createElement("div");
    host.className = "editor-host";
    this.area.before(host);
    const shadow = host.attachShadow({ mode: "open" });
    this.view = new EditorView({ root: shadow, parent: shadow, state: this.state(label) });
    this.area.hidden = true;
    label.addEventListener("click", () => this.view.focus());
    this.area.form.addEventListener("submit", () => this.keep());
  }

  state(label) {
    const hint = this.root.querySelector("#code-hint").textContent;
    return EditorState.create({
      doc: this.area.value,
      extensions: [
        EditorView.lineWrapping, // nothing to scroll sideways: what scrolls would have to be reachable by keyboard
        lineNumbers(), highlightActiveLineGutter(), history(), drawSelection(), indentOnInput(), indentUnit.of("    "),
        bracketMatching(), closeBrackets(), highlightActiveLine(), highlightSelectionMatches(), lintGutter(),
        python(), python().language.data.of({ autocomplete: parameterCompletion(this.root) }), autocompletion(),
        syntaxHighlighting(colours), look,
        keymap.of([{ key: "Tab", run: acceptCompletion }, ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
        EditorView.contentAttributes.of({ "aria-label": label.textContent.trim(), "aria-description": hint, spellcheck: "false" }),
        EditorView.updateListener.of((update) => { if (update.docChanged) this.keep(); }),
      ],
    });
  }

  keep() {
    this.area.value = this.view.state.doc.toString();
  }

  replace(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text }, ...setDiagnostics(this.view.state, []) });
    this.view.focus();
  }

  goTo(number) {
    const line = this.view.state.doc.line(Math.min(Math.max(1, number), this.view.state.doc.lines));
    this.view.dispatch({ selection: { anchor: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
    this.view.focus();
  }

  // Problems stand in the page as elements with a line and a message.
  showProblems() {
    const { doc } = this.view.state;
    const problems = [...document.querySelectorAll("[data-line][data-message]")]
      .filter((element) => Number(element.dataset.line) >= 1)
      .map((element) => {
        const line = doc.line(Math.min(Number(element.dataset.line), doc.lines));
        return { from: line.from, to: line.to, severity: "error", message: element.dataset.message };
      });
    this.view.dispatch(setDiagnostics(this.view.state, problems));
  }
}

function begin(root) {
  const editor = new RewardEditor(root);
  editor.showProblems();
  root.querySelector("[data-load-example]").addEventListener("click", async (event) => {
    event.preventDefault();
    const answer = await fetch(root.querySelector("#example").selectedOptions[0].dataset.code);
    if (answer.ok) editor.replace(await answer.text());
  });
  root.querySelector("[data-reset]").addEventListener("click", (event) => {
    event.preventDefault();
    editor.replace(root.querySelector("[data-reset-code]").value);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-goto-line]");
    if (!link) return;
    event.preventDefault();
    editor.goTo(Number(link.dataset.gotoLine));
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id === "reward-check" || event.detail.elt?.id === "reward-check") editor.showProblems();
  });
  const line = /^#line-(\d+)$/.exec(location.hash);
  if (line) editor.goTo(Number(line[1]));
}

for (const root of document.querySelectorAll("[data-editor]")) begin(root);
