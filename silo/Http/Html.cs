using System.Text.Encodings.Web;

namespace Gpt2Cluster.Silo.Http;

/// <summary>What every page is made of.</summary>
public static class Html
{
    /// <summary>The beginning of a page that shows itself anew every 5 s.</summary>
    public static string Head(string title) =>
        $$"""
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8">
        <meta http-equiv="refresh" content="5"><title>Gpt2Cluster</title>
        <style>body{font-family:sans-serif;margin:2em}td,th{padding:.3em 1em;text-align:left}</style></head><body>
        <h1>{{Safe(title)}}</h1>

        """;

    /// <summary>Text as a page shows it, whatever it holds.</summary>
    public static string Safe(string text) => HtmlEncoder.Default.Encode(text);
}
