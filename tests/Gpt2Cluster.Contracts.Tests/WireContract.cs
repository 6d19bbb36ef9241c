using System.Reflection;
using System.Text;
using Gpt2Cluster.Core;
using Orleans.Concurrency;

namespace Gpt2Cluster.Contracts.Tests;

/// <summary>
/// What silos and clients say to each other, as text: every alias, and every method, field and value below it.
/// </summary>
internal static class WireContract
{
    private static readonly Assembly[] Assemblies = [typeof(GrainKeys).Assembly, typeof(UserErrorException).Assembly];

    private static readonly NullabilityInfoContext Nullability = new();

    /// <summary>The types that travel as a list of fields.</summary>
    public static IReadOnlyList<Type> Records { get; } =
        [.. Types().Where(type => type.GetCustomAttribute<GenerateSerializerAttribute>(inherit: false) is not null)];

    /// <summary>The grains.</summary>
    public static IReadOnlyList<Type> Grains { get; } =
        [.. Types().Where(type => type.IsInterface && type.IsAssignableTo(typeof(IAddressable)))];

    /// <summary>The contract, in an order that does not depend on that of the source.</summary>
    public static string Write()
    {
        var text = new StringBuilder();
        foreach (var grain in Grains)
            Write(text, $"grain {AliasOf(grain)}", grain.GetMethods().OrderBy(AliasOf, Order).Select(Method));
        foreach (var record in Records)
        {
            var fields = Fields(record).OrderBy(field => field.Id);
            Write(text, $"record {AliasOf(record)}{Base(record)}", fields.Select(Line));
        }

        Write(text, "in their stored form", StoredForms().Order(Order));
        Write(text, "as their text", Names().Order(Order));
        foreach (var kind in Enumerations())
            Write(text, $"enum {kind.Name}", Enum.GetNames(kind).Select(name => $"{name} = {Number(kind, name)}"));
        return text.ToString();
    }

    /// <summary>
    /// A record's own fields: what is numbered, and what its primary constructor takes, numbered by the order there.
    /// </summary>
    public static IEnumerable<(uint Id, string Name, string Type)> Fields(Type record)
    {
        const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic
            | BindingFlags.DeclaredOnly;
        foreach (var property in record.GetProperties(own))
        {
            if (property.GetCustomAttribute<IdAttribute>(inherit: false) is { } id)
                yield return (id.Id, property.Name, Nameof(property.PropertyType, Nullability.Create(property)));
        }

        foreach (var field in record.GetFields(own))
        {
            if (field.GetCustomAttribute<IdAttribute>(inherit: false) is { } id)
                yield return (id.Id, field.Name, Nameof(field.FieldType, Nullability.Create(field)));
        }

        foreach (var parameter in PrimaryConstructorOf(record))
        {
            if (record.GetProperty(parameter.Name!, own)?.GetCustomAttribute<IdAttribute>(inherit: false) is null)
                yield return ((uint)parameter.Position, parameter.Name!,
                    Nameof(parameter.ParameterType, Nullability.Create(parameter)));
        }
    }

    private static ParameterInfo[] PrimaryConstructorOf(Type record) => record.GetConstructors()
        .Select(made => made.GetParameters())
        .Where(parameters => Array.TrueForAll(parameters, each => record.GetProperty(each.Name!) is not null))
        .MaxBy(parameters => parameters.Length) ?? [];

    private static StringComparer Order => StringComparer.Ordinal;

    private static IEnumerable<Type> Types() =>
        Assemblies.SelectMany(assembly => assembly.GetExportedTypes()).OrderBy(AliasOf, Order);

    private static void Write(StringBuilder text, string head, IEnumerable<string> lines)
    {
        text.Append(head).Append('\n');
        foreach (var line in lines)
            text.Append("  ").Append(line).Append('\n');
        text.Append('\n');
    }

    private static string AliasOf(MemberInfo member) =>
        member.GetCustomAttribute<AliasAttribute>(inherit: false)?.Alias ?? member.Name;

    private static string Base(Type record) =>
        record.BaseType is { } known && Records.Contains(known) ? $" : {AliasOf(known)}" : "";

    private static string Line((uint Id, string Name, string Type) field) => $"{field.Id} {field.Name}: {field.Type}";

    private static string Method(MethodInfo method)
    {
        var bound = method.GetCustomAttribute<ResponseTimeoutAttribute>(inherit: false)?.Timeout;
        var marks = (method.GetCustomAttribute<OneWayAttribute>(inherit: false) is null ? "" : ", one way")
            + (method.GetCustomAttribute<AlwaysInterleaveAttribute>(inherit: false) is null ? "" : ", interleaves")
            + (bound is null ? "" : $", within {bound}");
        var parameters = method.GetParameters()
            .Select(each => $"{each.Name}: {Nameof(each.ParameterType, Nullability.Create(each))}");
        return $"{AliasOf(method)}({string.Join(", ", parameters)}): "
            + Nameof(method.ReturnType, Nullability.Create(method.ReturnParameter))
            + marks;
    }

    /// <summary>The records that travel as they are stored, as JSON: their own tests say what is in them.</summary>
    private static IEnumerable<string> StoredForms() =>
        from type in Types()
        from converter in type.GetInterfaces()
        where type.IsDefined(typeof(RegisterConverterAttribute), inherit: false)
            && converter.IsGenericType && converter.GenericTypeArguments is [_, var form] && form == typeof(StoredForm)
        select AliasOf(converter.GenericTypeArguments[0]);

    /// <summary>The names that travel as their text.</summary>
    private static IEnumerable<string> Names() =>
        from type in Types()
        let codec = type.BaseType
        where codec is { IsGenericType: true } && codec.GetGenericTypeDefinition() == typeof(NameCodec<>)
        select AliasOf(codec.GenericTypeArguments[0]);

    /// <summary>The enumerations that the contract names anywhere.</summary>
    private static IEnumerable<Type> Enumerations()
    {
        var fields = Records.SelectMany(record => record.GetProperties().Select(property => property.PropertyType));
        var parameters = Grains.SelectMany(grain => grain.GetMethods())
            .SelectMany(method => method.GetParameters().Select(each => each.ParameterType).Append(method.ReturnType));
        return fields.Concat(parameters).SelectMany(Parts).Where(type => type.IsEnum).Distinct()
            .OrderBy(type => type.Name, Order);
    }

    private static IEnumerable<Type> Parts(Type type) => type.IsArray
        ? Parts(type.GetElementType()!)
        : type.GetGenericArguments().SelectMany(Parts).Append(type);

    private static long Number(Type kind, string name) => Convert.ToInt64(Enum.Parse(kind, name), null);

    private static string Nameof(Type type, NullabilityInfo info)
    {
        if (Nullable.GetUnderlyingType(type) is { } value)
            return AliasOf(value) + "?";
        var isNull = !type.IsValueType && info.ReadState == NullabilityState.Nullable ? "?" : "";
        if (type.IsArray)
            return Nameof(type.GetElementType()!, info.ElementType!) + "[]" + isNull;
        if (!type.IsGenericType)
            return AliasOf(type) + isNull;
        var arguments = type.GetGenericArguments().Zip(info.GenericTypeArguments, Nameof);
        var name = type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)];
        return $"{name}<{string.Join(", ", arguments)}>{isNull}";
    }
}
