using System.Reflection;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>A misspelt name in the list of what is banned bans nothing, and the analyzer does not say so.</summary>
public sealed class BannedSymbolTests
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static;

    [Fact]
    public void Every_symbol_that_is_banned_is_there()
    {
        var banned = Repository.Lines("build/BannedSymbols.txt").Select(line => line.Split(';')).ToList();
        Assert.NotEmpty(banned);
        Findings.None(banned
            .Where(line => line.Length < 2 || !IsThere(line[0]))
            .Select(line => string.Join(';', line)));
    }

    [Theory]
    [InlineData("M:System.Threading.Tasks.Task.Delay(System.Int32)", true)]
    [InlineData("M:System.Threading.Tasks.Task.Delay(System.Int64)", false)]
    [InlineData("P:System.DateTime.UtcNow", true)]
    [InlineData("P:System.DateTime.Utcnow", false)]
    public void A_symbol_is_known_by_its_whole_name(string symbol, bool isThere) =>
        Assert.Equal(isThere, IsThere(symbol));

    private static bool IsThere(string symbol)
    {
        var name = symbol[2..].Split('(')[0];
        var type = Type.GetType(name[..name.LastIndexOf('.')]);
        return type?.GetMembers(All).Any(member => IdOf(member) == symbol) == true;
    }

    /// <summary>As the comments of C# write it.</summary>
    private static string IdOf(MemberInfo member)
    {
        var name = $"{member.DeclaringType!.FullName}.{member.Name.Replace('.', '#')}";
        var parameters = member is MethodBase method ? method.GetParameters() : [];
        var list = parameters.Length == 0
            ? ""
            : $"({string.Join(',', parameters.Select(parameter => parameter.ParameterType.FullName))})";
        return $"{(member is PropertyInfo ? 'P' : 'M')}:{name}{list}";
    }
}
