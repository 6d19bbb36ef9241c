using System.Text;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// A conversation as the text a model is trained on: each message is a line <c>System: </c>, <c>User: </c> or
/// <c>Assistant: </c> and its content; no line end behind the last.
/// </summary>
public sealed class ChatTranscript
{
    private readonly StringBuilder text = new();

    /// <summary>Messages so far.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a message.</summary>
    /// <param name="role">OpenAI's name of who speaks: <c>system</c> (or <c>developer</c>), <c>user</c>,
    /// <c>assistant</c>.</param>
    /// <param name="content">What is said.</param>
    /// <returns>Whether the role is known.</returns>
    public bool TryAdd(string role, string content)
    {
        var speaker = role switch
        {
            "system" or "developer" => "System",
            "user" => "User",
            "assistant" => "Assistant",
            _ => null,
        };
        if (speaker is null)
            return false;
        if (Count++ > 0)
            text.Append('\n');
        text.Append(speaker).Append(": ").Append(content);
        return true;
    }

    /// <summary>The text.</summary>
    public override string ToString() => text.ToString();
}
