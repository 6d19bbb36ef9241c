using System.Text.Json.Nodes;

namespace Gpt2Cluster.Client.Tests.Output;

public sealed class ClientOutputTests
{
    [Fact]
    public void A_table_in_a_pipe_is_aligned_lines_without_colour()
    {
        var said = new Said();
        said.Output.Table(["run", "status"], [["a", "running"], ["a-long-name-that-is-wide", "[done]"]]);
        Assert.Equal(
            """
            run                       status
            a                         running
            a-long-name-that-is-wide  [done]

            """,
            said.Results);
    }

    [Fact]
    public void Json_is_one_object_a_line_and_nothing_else()
    {
        var said = new Said(isJson: true);
        said.Output.Result("words");
        said.Output.Table(["a"], [["b"]]);
        said.Output.WriteMessage("words");
        said.Output.Json(new JsonObject { ["text"] = "é\n<" });
        said.Output.Error("It failed.", "Try this.");
        Assert.Equal(
            """
            {"text":"é\n<"}
            {"event":"error","message":"It failed."}

            """,
            said.Results);
        Assert.Equal("", said.Remarks);
    }

    [Fact]
    public void What_is_no_number_of_json_is_a_word()
    {
        var said = new Said(isJson: true);
        said.Output.Json(new JsonObject { ["loss"] = double.NaN, ["perplexity"] = double.PositiveInfinity });
        Assert.Equal("{\"loss\":\"NaN\",\"perplexity\":\"Infinity\"}\n", said.Results);
    }

    [Fact]
    public void Errors_and_warnings_go_to_standard_error_even_when_quiet()
    {
        var said = new Said(isQuiet: true);
        said.Output.WriteMessage("words");
        said.Output.Warn("It is late.");
        said.Output.Error("It failed.", "Try this.");
        Assert.Equal("warning: It is late.\nIt failed.\nTry this.\n", said.Remarks);
        Assert.Equal("", said.Results);
    }
}
