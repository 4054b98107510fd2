// What developers want to see: the answer as it came, and the request as a command.

const LOOPBACK = /^(127\.[\d.]+|\[::1\]|(.+\.)?localhost)$/;
const JSON_TOKENS = /"(?:[^"\\]|\\.)*"|\[\s*\]|\{\s*\}|[{}[\],:]|\s+/g;

export function showForDevelopers(status, text, fileName) {
  document.getElementById("answer").textContent = `${status}\n${indented(text)}`;
  document.getElementById("curl").textContent = curl(fileName);
  document.getElementById("developer").hidden = false;
}

/** JSON in lines, its numbers as they came: parsed and written again, 0.0 would be 0. */
function indented(json) {
  let line = "\n";
  return json.replace(JSON_TOKENS, (token) => {
    if (token === "{" || token === "[") return token + (line += "  ");
    if (token === "}" || token === "]") return (line = line.slice(0, -2)) + token;
    return token === "," ? token + line : token === ":" ? ": " : token.trim();
  });
}

function curl(fileName) {
  const file = `'${fileName.replaceAll("'", "'\\''")}'`;
  const url = new URL("liveness?details=true", document.baseURI);
  const directly = LOOPBACK.test(url.hostname) ? "--noproxy '*' " : "";
  return [
    "HASH_ID='<your hash_id>'",
    `printf '{"hash_id": "%s", "selfie_image": "%s"}' "$HASH_ID" "$(base64 < ${file} | tr -d '\\n')" |`,
    `  curl ${directly}-sS -H 'Content-Type: application/json' --data-binary @- '${url}'`,
  ].join("\n");
}

/** The buttons that copy; where the browser has no clipboard for this page they are not shown. */
export function enableCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.setAttribute("aria-label", `Copy: ${button.previousElementSibling.textContent}`);
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      } catch {
        return; // the browser does not allow it: the text can be selected
      }
      button.textContent = "Copied";
      document.getElementById("copied").textContent = "Copied.";
      setTimeout(() => {
        button.textContent = "Copy";
        document.getElementById("copied").textContent = "";
      }, 2000);
    });
  }
}
