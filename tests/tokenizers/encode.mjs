// Encodes texts by Hugging Face's tokenizer: {"tokenizer", "texts"} from standard input, a list of lists of ids out.
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

const { tokenizer, texts } = JSON.parse(readFileSync(0, "utf8"));
const encoder = new Tokenizer(tokenizer, {});
const ids = texts.map((text) => Array.from(encoder.encode(text, { add_special_tokens: false }).ids, Number));
process.stdout.write(JSON.stringify(ids));
