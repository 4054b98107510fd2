// What developers want to see: the answer as it came, and the request as a command.

const PLAIN_NAME = /^[\w][\w.-]*$/;

export function showForDevelopers(status, body, fileName) {
  document.getElementById("answer").textContent = `${status}\n${JSON.stringify(body, null, 2)}`;
  document.getElementById("curl").textContent = curl(fileName);
  document.getElementById("developer").hidden = false;
}

function curl(fileName) {
  const file = PLAIN_NAME.test(fileName) ? fileName : "selfie.jpg";
  const url = new URL("liveness?details=true", document.baseURI);
  return [
    "HASH_ID='<your hash_id>'",
    `printf '{"hash_id": "%s", "selfie_image": "%s"}' "$HASH_ID" "$(base64 < ${file} | tr -d '\\n')" |`,
    `  curl -sS -H 'Content-Type: application/json' --data-binary @- '${url}'`,
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
